import { userInfo } from "node:os";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { migrate } from "../../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { type CliResult, RunningCli, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let db: pg.Pool;
let project: TaskProject;
const cancelledByMe = `cancelled by ${userInfo().username}`;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  db = new pg.Pool({ connectionString: database.url, max: 2 });
  project = await TaskProject.of({
    "tasks/polite.mjs": `export default (payload, { signal }) =>
      new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));`,
    "tasks/deaf.mjs": "export default () => new Promise((resolve) => setTimeout(resolve, 60_000));",
  });
});

afterEach(() => db.query("delete from graphile_worker._private_jobs; delete from taskrun.history"));

afterAll(async () => {
  await db.end();
  await project[Symbol.asyncDispose]();
  await database.drop();
});

const env = () => ({ DATABASE_URL: database.url, TASKRUN_LOG_LEVEL: "warn" });

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: env() });
}

function startProcess(...args: string[]): RunningCli {
  return new RunningCli(["run", "--heartbeat-interval", "200ms", ...args], {
    cwd: project.dir,
    env: env(),
  });
}

async function add(task: string, options: object = {}): Promise<string> {
  const { rows } = await db.query("select taskrun.add_job($1, '{}', $2)::text as id", [
    task,
    JSON.stringify(options),
  ]);
  return rows[0].id;
}

async function job(id: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await db.query("select * from taskrun.jobs where id = $1", [id]);
  return rows[0];
}

const becomes = (id: string, state: string) =>
  expect.poll(async () => (await job(id))?.state).toBe(state);

/** Before a heartbeat has said so, a process that dies is taken not to have begun the job. */
const isKnownToRun = (id: string) =>
  expect
    .poll(async () => {
      const asked = "select from taskrun.processes where $1::bigint = any (running)";
      return (await db.query(asked, [id])).rowCount;
    })
    .toBe(1);

test("a job that runs in another process is stopped there, and --wait waits for it", async () => {
  await using _process = startProcess();
  const id = await add("polite");
  await becomes(id, "running");
  const { code, stdout, stderr } = await cli("cancel", id, "--reason", "left", "--wait", "--json");
  expect(stderr).toContain(`Job ${id} has been told to stop.`);
  expect(JSON.parse(stdout)).toEqual([
    { id, state: "cancelled", error: `left (${cancelledByMe})` },
  ]);
  expect(code).toBe(0);
});

test("a process that is killed after the request leaves a cancelled job, not one that runs again", async () => {
  const first = startProcess("--timeout-grace", "60s");
  const id = await add("deaf", { max_attempts: 5 });
  await becomes(id, "running");
  const waited = await cli("cancel", id, "--wait-timeout", "100ms");
  expect(waited).toMatchObject({ code: 75, stderr: expect.stringContaining("not ended") });
  await isKnownToRun(id);
  first.kill("SIGKILL");
  await first.ended;
  await using _other = startProcess();
  await becomes(id, "cancelled");
  expect(await job(id)).toMatchObject({ attempts: 1, error: cancelledByMe });
  const { rows } = await db.query(
    `select (select count(*)::int from taskrun.history) as records,
       (select count(*)::int from graphile_worker._private_jobs) as jobs,
       (select count(*)::int from taskrun.cancellations) as requests`,
  );
  expect(rows).toEqual([{ records: 1, jobs: 0, requests: 0 }]);
});

test("many jobs are chosen by flags, counted first if asked to", async () => {
  const ids = [await add("deaf", { delay: "1h" }), await add("deaf", { delay: "1h" })];
  const other = await add("polite", { delay: "1h" });
  const dry = await cli("cancel", "--task", "deaf", "--since", "1h", "--dry-run", "--json");
  expect(JSON.parse(dry.stdout)).toEqual({ jobs: 2, ids });
  expect(dry.stderr).toContain("2 jobs; nothing was changed.");
  expect(await job(ids[0] ?? "")).toMatchObject({ state: "scheduled" });

  const done = await cli("cancel", "--task", "deaf", "--since", "1h", "--json");
  expect(JSON.parse(done.stdout)).toEqual(ids.map((id) => ({ id, state: "cancelled" })));
  expect(done.code).toBe(0);
  expect(await job(other)).toMatchObject({ state: "scheduled" });
  const nothing = await cli("cancel", "--task", "deaf");
  expect(nothing).toMatchObject({ code: 0, stderr: expect.stringContaining("no such jobs") });
});

test("what can't be cancelled is said of each job, and the others are", async () => {
  const id = await add("deaf", { delay: "1h" });
  const { code, stderr } = await cli("cancel", "999999", id);
  expect(stderr).toContain("There is no job 999999.");
  expect(stderr).toContain(`Job ${id} is cancelled.`);
  expect(code).toBe(1);
});

test("a state that jobs can't be cancelled in is refused", async () => {
  const { code, stderr } = await cli("cancel", "--state", "completed");
  expect(stderr).toContain("this is for jobs that are pending");
  expect(code).toBe(2);
});
