import { expect, test } from "vitest";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

type Findings = { name: string; status: string; detail: string; fix: string | null }[];

test("doctor finds a healthy project healthy, before and after the first migration", async () => {
  const database = await createTestDatabase();
  await using project = await TaskProject.of({ "tasks/a.mjs": "export default async () => 1;" });
  const options = { cwd: project.dir, env: { DATABASE_URL: database.url } };
  const before = await runCli(["doctor", "--json"], options);
  expect(before.code).toBe(0);
  const found: Findings = JSON.parse(before.stdout);
  expect(found.filter(({ status }) => status === "warn").map(({ name }) => name)).toEqual([
    "queue schema",
    "own schema",
  ]);
  await runCli(["migrate"], options);
  const after = await runCli(["doctor"], options);
  expect(after.code).toBe(0);
  expect(after.stdout).not.toMatch(/warn|FAIL/);
  expect(after.stdout).toContain("graphile-worker's migration");
  await database.drop();
});

test("doctor ends with 1 and names what is broken and how to mend it", async () => {
  await using project = await TaskProject.of({ "tasks/a.mjs": "export default (" });
  const { code, stdout } = await runCli(["doctor", "--json"], {
    cwd: project.dir,
    env: { DATABASE_URL: "postgres://127.0.0.1:1/x" },
  });
  expect(code).toBe(1);
  const failed: Findings = JSON.parse(stdout);
  expect(failed.filter(({ status }) => status === "fail")).toMatchObject([
    { name: "task file", detail: expect.stringContaining("tasks/a.mjs:1:") },
    { name: "database", detail: expect.stringContaining("nothing listens there") },
  ]);
});

test("doctor tells a wrong configuration instead of stumbling over it", async () => {
  await using project = await TaskProject.of({ "worker.config.mjs": "export default { x: 1 };" });
  const { code, stdout } = await runCli(["doctor", "--json"], { cwd: project.dir });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject([{ name: "configuration", status: "fail" }]);
});
