import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

test("stats prints a line for each task with the states that occur, and one for all", async () => {
  const database = await createTestDatabase();
  await using project = await TaskProject.of({
    "tasks/good.mjs": "export default async () => 1;",
    "tasks/other.mjs": "export default async () => 1;",
  });
  const cli = (...args: string[]) =>
    runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
  await cli("add", "good");
  await cli("--once");
  await cli("add", "other", "--delay", "1h");
  const { code, stdout, stderr } = await cli("stats", "--since", "1h");
  expect(code).toBe(0);
  const [header, good, other, all] = stdout.trimEnd().split("\n");
  expect(header).toMatch(/^task +scheduled +completed +done\/min +failed\/min +wait p50 /);
  expect(good).toMatch(/^good +0 +1 +0\.017 +0 +\d/);
  expect(other).toMatch(/^other +1 +0 +0 +0 +- +- +- +-$/);
  expect(all).toMatch(/^all +1 +1 /);
  expect(stderr).toContain("all others as they are now");
  const one = await cli("stats", "--task", "other", "--json");
  expect(JSON.parse(one.stdout)).toMatchObject({
    tasks: [{ task: "other", counts: { scheduled: 1, completed: 0 }, run_ms: { p50: null } }],
    all: { task: null, counts: { scheduled: 1 } },
  });
  expect((await cli("stats", "--task", "none")).stderr).toContain("There are no such jobs.");
  await database.drop();
});
