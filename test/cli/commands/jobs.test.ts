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
    "tasks/good.mjs": "export default async () => 1;",
    "tasks/fail.mjs": "export default async () => { throw new Error('no\\nluck'); };",
  });
  await cli("add", "good");
  await cli("add", "fail", "--max-attempts", "1");
  await cli("--once");
  await cli("add", "good", "--delay", "1h");
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
}

async function listed(...args: string[]): Promise<unknown[]> {
  const { stdout } = await cli("jobs", "--json", ...args);
  return JSON.parse(stdout).map((row: { task: string; state: string }) => [row.task, row.state]);
}

test("jobs --json lists queued and finished jobs, newest first, filtered by flags", async () => {
  expect(await listed()).toEqual([
    ["good", "scheduled"],
    ["fail", "failed"],
    ["good", "completed"],
  ]);
  expect(await listed("--state", "failed")).toEqual([["fail", "failed"]]);
  expect(await listed("--task", "good", "--limit", "1")).toEqual([["good", "scheduled"]]);
  expect(await listed("--task", "nothing")).toEqual([]);
});

test("jobs prints a table with one line a job", async () => {
  const { stdout } = await cli("jobs");
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatch(/^id +task +state +attempts +run at +error$/);
  expect(lines[2]).toMatch(/ fail +failed +1\/1 .* no$/);
});

test("an unknown state is refused with the one that was meant", async () => {
  const { code, stderr } = await cli("jobs", "--state", "fialed");
  expect(code).toBe(2);
  expect(stderr).toContain("Did you mean failed?");
});

test("a database without the queue's tables is told with the way on", async () => {
  const empty = await createTestDatabase();
  const { code, stderr } = await runCli(["jobs"], {
    cwd: project.dir,
    env: { DATABASE_URL: empty.url },
  });
  expect(code).toBe(69);
  expect(stderr).toContain("taskrun migrate");
  await empty.drop();
});
