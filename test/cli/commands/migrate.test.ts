import { expect, test } from "vitest";
import { migrationNames } from "../../../src/store/migrate.ts";
import { runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

test("migrate applies what is missing, then nothing, and says so", async () => {
  const database = await createTestDatabase();
  await using project = await TaskProject.of({ "package.json": "{}" });
  const options = { cwd: project.dir, env: { DATABASE_URL: database.url } };
  const first = await runCli(["migrate", "--json"], options);
  expect(first.code).toBe(0);
  expect(JSON.parse(first.stdout)).toEqual({ applied: migrationNames() });
  const second = await runCli(["migrate"], options);
  expect(second).toMatchObject({ code: 0, stdout: "" });
  expect(second.stderr).toContain("is up to date");
  await database.drop();
});

test("another schema gets tables of its own", async () => {
  const database = await createTestDatabase();
  await using project = await TaskProject.of({ "package.json": "{}" });
  const options = { cwd: project.dir, env: { DATABASE_URL: database.url } };
  await runCli(["migrate", "--schema", "mail_queue"], options);
  const jobs = await runCli(["jobs", "--json", "--schema", "mail_queue"], options);
  expect(jobs).toMatchObject({ code: 0, stdout: "[]\n" });
  expect((await runCli(["jobs"], options)).code).toBe(69);
  await database.drop();
});
