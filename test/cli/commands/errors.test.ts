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
    "tasks/charge.mjs": `export default async function charge({ n }) {
      throw new Error("PERMANENT: no order " + n);
    }`,
  });
  // One after the other: of two that end together, either may be the newest.
  for (const n of [1, 2]) {
    await cli("add", "charge", `{"n":${n}}`);
    await cli("--once");
  }
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
}

test("errors lists each fault once, and retry makes its jobs due again", async () => {
  const { stdout } = await cli("errors", "--json");
  const [group, ...others] = JSON.parse(stdout);
  expect(others).toEqual([]);
  expect(group).toMatchObject({
    fingerprint: expect.stringMatching(/^[0-9a-f]{10}$/),
    task: "charge",
    error_name: "Error",
    error_message: "PERMANENT: no order 2",
    frame: "charge tasks/charge.mjs",
    count: 2,
  });
  const { stdout: table } = await cli("errors");
  expect(table).toMatch(new RegExp(`^${group.fingerprint} +2 +charge .*no order 2 at charge`, "m"));
  const { stdout: stats } = await cli("stats", "--json");
  expect(JSON.parse(stats).tasks).toMatchObject([{ task: "charge", counts: { failed: 2 } }]);

  const retried = await cli("errors", "retry", group.fingerprint);
  expect(retried).toMatchObject({ code: 0 });
  expect(retried.stderr).toContain("2 of 2 jobs are due again.");
  expect(JSON.parse((await cli("errors", "--json")).stdout)).toEqual([]);
  expect(await cli("errors", "retry", group.fingerprint)).toMatchObject({ code: 1 });
});

test("errors refuses an action that it doesn't know, and a retry of nothing", async () => {
  expect(await cli("errors", "delete")).toMatchObject({ code: 2 });
  expect(await cli("errors", "retry")).toMatchObject({ code: 2 });
});
