import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { type CliResult, RunningCli, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;
let db: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({
    "tasks/good.mjs": "export default async () => 1;",
    "tasks/fail.mjs": "export default async () => { throw new Error('no luck'); };",
    "tasks/nothing.mjs":
      "export default { retain: 0, handler: async (p) => { if (p.fail) throw new Error('no'); return 7; } };",
  });
  db = new pg.Pool({ connectionString: database.url, max: 1 });
  await cli("add", "good");
  await cli("add", "fail", "--max-attempts", "1");
  await cli("--once");
});

afterAll(async () => {
  await db.end();
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
}

async function pruned(...args: string[]): Promise<unknown> {
  return JSON.parse((await cli("prune", "--json", ...args)).stdout);
}

const nothing = { dry_run: false, jobs: 0, completed: 0, failed: 0, cancelled: 0, once_results: 0 };

test("prune removes by the tasks' retention, and by age when one is given", async () => {
  expect(await pruned()).toEqual(nothing);
  await db.query("update taskrun.history set finished_at = finished_at - interval '2 days'");
  expect(await pruned("--dry-run")).toEqual({
    ...nothing,
    dry_run: true,
    jobs: 1,
    completed: 1,
  });
  const { stderr } = await cli("prune");
  expect(stderr).toContain("Removed 1 job (1 completed, 0 failed, 0 cancelled).");
  expect(await pruned("--older-than", "1d", "--state", "completed")).toEqual(nothing);
  expect(await pruned("--older-than", "1d", "--task", "good")).toEqual(nothing);
  expect(await pruned("--older-than", "1d")).toEqual({ ...nothing, jobs: 1, failed: 1 });
  const { rows } = await db.query("select * from graphile_worker._private_jobs");
  expect(rows).toEqual([]);
});

test("what makes no sense is refused", async () => {
  const state = await cli("prune", "--state", "complete");
  expect(state).toMatchObject({ code: 2, stderr: expect.stringContaining("mean completed?") });
  const age = await cli("prune", "--older-than", "soon");
  expect(age).toMatchObject({ code: 2, stderr: expect.stringContaining("such as") });
});

test("whoever waits for a job that leaves no record hears how it ended", async () => {
  const env = { DATABASE_URL: database.url };
  await using _running = new RunningCli(["run"], { cwd: project.dir, env });
  const wait = ["--wait", "--wait-timeout", "30s", "--json"];
  const fine = await cli("add", "nothing", ...wait);
  expect(fine.code).toBe(0);
  expect(JSON.parse(fine.stdout)).toMatchObject({ state: "completed", output: null, attempts: 1 });
  const bad = await cli("add", "nothing", '{"fail":true}', "--max-attempts", "1", ...wait);
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject({ state: "failed", error: "no", attempts: 1 });
  expect(JSON.parse((await cli("jobs", "--task", "nothing", "--json")).stdout)).toEqual([]);
});
