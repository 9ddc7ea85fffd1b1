import { afterEach, expect, test, vi } from "vitest";
import { commandTable } from "../../src/cli/command-table.ts";
import { parseCommandLine } from "../../src/cli/parse-command-line.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("no command means run", async () => {
  const parsed = await parseCommandLine(["--once", "-j", "3"]);
  expect(parsed?.spec).toBe(commandTable.run);
  expect(parsed?.args.isSet("once")).toBe(true);
  expect(parsed?.args.forConfig()).toEqual({
    flags: { concurrency: "3" },
    configFile: undefined,
  });
});

test.each(["007", "1e3", "0x10", '"quoted"', "true", "a=b", "@file"])(
  "the payload %s stays the text it is",
  async (payload) => {
    const parsed = await parseCommandLine(["add", "mail/send", payload]);
    expect(parsed?.args.text("task")).toBe("mail/send");
    expect(parsed?.args.text("payload")).toBe(payload);
  },
);

test("a lone dash is standard input", async () => {
  const parsed = await parseCommandLine(["add", "a", "-", "--json"]);
  expect(parsed?.args.text("payload")).toBe("@-");
  expect(parsed?.args.isSet("json")).toBe(true);
});

test("after help or version there is nothing to run", async () => {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  expect(await parseCommandLine(["jobs", "--help"])).toBeNull();
  expect(await parseCommandLine(["-v"])).toBeNull();
  expect(write.mock.calls.map(([text]) => text)).toEqual([
    expect.stringContaining("taskrun jobs"),
    expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  ]);
});
