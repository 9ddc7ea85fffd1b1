import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createLogger } from "../../src/runtime/create-logger.ts";

const module = new URL("../../src/runtime/create-logger.ts", import.meta.url).href;

/** Runs `script` with `log` in a process of its own, whose stdout is a pipe; gives what it says. */
async function logged(config: object, script: string): Promise<string> {
  const whole = `
    import { createLogger } from ${JSON.stringify(module)};
    const config = { logLevel: "info", logFormat: "auto", redact: [], ...${JSON.stringify(config)} };
    const log = await createLogger({ config, stream: process.stdout });
    ${script}
    process.exit(0);`;
  const flags = ["--conditions=taskrun-source", "--input-type=module", "-e", whole];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  return stdout;
}

test("a pipe gets a JSON object a line, with the level's name and an ISO time", async () => {
  const out = await logged({}, `log.child({ task: "x" }).warn({ n: 1 }, "careful");`);
  const line = JSON.parse(out);
  expect(line).toMatchObject({ level: "warn", task: "x", n: 1, msg: "careful" });
  expect(new Date(line.time).toISOString()).toBe(line.time);
});

test("lines below the level are not written", async () => {
  expect(await logged({ logLevel: "error" }, `log.info("quiet"); log.error("loud");`)).toMatch(
    /^\{[^\n]*"msg":"loud"\}\n$/,
  );
});

test("a redacted path shows neither as JSON nor pretty", async () => {
  const script = `log.info({ user: { name: "s3cret" } }, "m");`;
  for (const logFormat of ["json", "pretty"]) {
    const out = await logged({ logFormat, redact: ["user.name"] }, script);
    expect(out).toContain("[secret]");
    expect(out).not.toContain("s3cret");
  }
});

test("fields that speak of a secret are masked without a word in the configuration", async () => {
  const script = `log.child({ apiKey: "s3cret" }).info({ a: [{ token: "s3cret" }] },
    "at postgres://app:s3cret@db");`;
  for (const logFormat of ["json", "pretty"]) {
    const out = await logged({ logFormat }, script);
    expect(out).not.toContain("s3cret");
    expect(out).toContain("at postgres://app:[secret]@db");
  }
});

test("a text that would steer the terminal is written out in pretty lines", async () => {
  const out = await logged({ logFormat: "pretty" }, `log.info("a\u001b[2Jb");`);
  expect(out).toContain("a\\x1b[2Jb");
});

test.each(["json", "pretty"])(
  "no %s line is lost when the process ends at once",
  async (logFormat) => {
    const out = await logged(
      { logFormat },
      `for (let n = 0; n < 5000; n++) log.info("line " + n);`,
    );
    expect(out.split("\n").filter((line) => line.includes("line "))).toHaveLength(5000);
    expect(out).toContain("line 4999");
  },
);

test("pretty lines have no colours off a terminal", async () => {
  const out = await logged({ logFormat: "pretty" }, `log.info({ n: 1 }, "hello");`);
  expect(out).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: hello/);
  expect(out).not.toContain("\u001b[");
});

test("a path that can't be read is the configuration's fault", async () => {
  const config = { logLevel: "info", logFormat: "json", redact: ["a["] } as const;
  await expect(createLogger({ config, stream: process.stdout })).rejects.toMatchObject({
    code: "bad-config",
  });
});
