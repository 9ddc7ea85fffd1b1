import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { type CliResult, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;

beforeAll(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({
    "tasks/fail.mjs": `export default async (payload, ctx) => {
      ctx.log.warn({ n: 1 }, "about to fail");
      throw new Error("no\\nluck");
    };`,
  });
  await cli("add", "fail", "--max-attempts", "1");
  await cli("--once");
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
}

test("show --json is the job in the view's columns, with its failed attempts", async () => {
  const { stdout: all } = await cli("jobs", "--json", "--state", "failed");
  const [failed] = JSON.parse(all);
  const { code, stdout } = await cli("show", failed.id, "--json");
  expect(code).toBe(0);
  const shown = JSON.parse(stdout);
  expect(shown).toMatchObject(failed);
  expect(shown.failed_attempts).toMatchObject([{ attempt: 1, error_message: "no\nluck" }]);
  const forPeople = await cli("show", failed.id);
  expect(forPeople.stdout).toMatch(/attempt 1 failed after .* \(failed, by the rule default\)/);
  expect(forPeople.stdout).toMatch(/why +It has failed for good: its one attempt is used up/);
  expect(forPeople.stdout).toMatch(/warn +\[1\] about to fail +\{"n":1\}/);
});

test("show --logs says how many of the last lines", async () => {
  const { stdout: all } = await cli("jobs", "--json", "--state", "failed");
  const [{ id }] = JSON.parse(all);
  expect(JSON.parse((await cli("show", id, "--json")).stdout).logs).toHaveLength(1);
  expect(JSON.parse((await cli("show", id, "--json", "--logs", "0")).stdout).logs).toEqual([]);
});

test("show of a job that isn't there ends with 1, of what is no id with 2", async () => {
  expect(await cli("show", "999999")).toMatchObject({ code: 1, stdout: "" });
  expect(await cli("show", "abc")).toMatchObject({ code: 2, stdout: "" });
  expect(await cli("show", "99999999999999999999")).toMatchObject({ code: 2, stdout: "" });
});
