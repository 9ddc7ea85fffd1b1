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

test("an empty project says so and prints an empty array", async () => {
  await using project = await TaskProject.of({ "package.json": "{}" });
  const { code, stdout, stderr } = await runCli(["tasks", "--json"], { cwd: project.dir });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "[]\n" });
  expect(stderr).toContain("There are no tasks in");
});
