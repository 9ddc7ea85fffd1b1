import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";

const files = {
  "package.json": "{}",
  "tasks/hello.ts": "export default async () => 1;",
  "tasks/billing/charge.js": "module.exports = async () => 1;",
  "tasks/billing/_defaults.ts": 'export default { timeout: "2m" };',
  "tasks/bad.ts": "export const nothing = 1;",
  "worker.config.mjs": "export default { defaults: { retry: { maxAttempts: 7 } } };",
};

test("tasks --json is an array of name, file, version and more, on stdout alone", async () => {
  await using project = await TaskProject.of(files);
  const { code, stdout, stderr } = await runCli(["tasks", "--json"], { cwd: project.dir });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([
    {
      name: "billing/charge",
      file: "tasks/billing/charge.js",
      version: 1,
      policies: { timeoutMs: 120_000, maxAttempts: 7 },
      sources: { timeoutMs: "tasks/billing/_defaults.ts", maxAttempts: "worker.config.mjs" },
    },
    { name: "hello", file: "tasks/hello.ts", version: 1, policies: { timeoutMs: 30_000 } },
  ]);
  expect(stderr).toContain("tasks/bad.ts:1:");
});

test("tasks --tree shows each setting with the file that set it", async () => {
  await using project = await TaskProject.of(files);
  const { stdout } = await runCli(["tasks", "--tree"], { cwd: project.dir });
  expect(stdout).toMatch(/tasks\/billing\/\n {2}charge\.js {2}billing\/charge\n/);
  expect(stdout).toMatch(/timeout +2m +tasks\/billing\/_defaults\.ts/);
  expect(stdout).toMatch(/attempts +7 +worker\.config\.mjs/);
  expect(stdout).toMatch(/timeout +30s +default/);
});

test("tasks --tree leaves no setting out", async () => {
  const file = `export default {
    breaker: { failures: 4 }, concurrency: 3, redact: ["$.card"],
    limit: { key: () => "k", concurrency: 2, rate: { max: 100, per: "1m" } },
    retain: { completed: 0, failed: false }, handler: async () => 1,
  };`;
  await using project = await TaskProject.of({ "package.json": "{}", "tasks/pay.ts": file });
  const { stdout } = await runCli(["tasks", "--tree"], { cwd: project.dir });
  for (const [name, value] of [
    ["breaker", "4 failures, 3 successes, open for 1m"],
    ["concurrency", "3"],
    ["limit", "by key, 2 at once, 100 in 1m"],
    ["retain", "completed not at all, cancelled 1d, failed for ever"],
    ["redact", "$.card"],
  ] as const) {
    const line = stdout.split("\n").find((each) => each.trim().startsWith(name));
    expect(line?.trim().split(/ {2,}/)).toEqual([name, value, "tasks/pay.ts"]);
  }
});

test("an empty project says so and prints an empty array", async () => {
  await using project = await TaskProject.of({ "package.json": "{}" });
  const { code, stdout, stderr } = await runCli(["tasks", "--json"], { cwd: project.dir });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "[]\n" });
  expect(stderr).toContain("There are no tasks in");
});
