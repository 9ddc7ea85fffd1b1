/** Errors that nobody catches, and calls of process.exit, in a process that has other jobs. */

import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { RunningCli, runCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

const untilAborted = 'new Promise((resolve) => ctx.signal.addEventListener("abort", resolve))';

let database: ScratchDatabase;
let db: pg.Pool;
let project: TaskProject;
let running: RunningCli;

beforeAll(async () => {
  database = await createTestDatabase();
  db = new pg.Pool({ connectionString: database.url, max: 1 });
  await db.query("create table done (name text)");
  const task = (body: string) => `export default async (payload, ctx) => { ${body} };`;
  project = await TaskProject.of({
    "tasks/rejects.ts": task(`Promise.reject(new Error("left behind")); await ${untilAborted};`),
    "tasks/throws.ts": task(
      `setTimeout(() => { throw new Error("in a timer"); }, 5); await ${untilAborted};`,
    ),
    "tasks/ignores.ts": task(
      `setTimeout(() => { throw new TypeError("and goes on"); }, 5); await new Promise(() => {});`,
    ),
    "tasks/late.ts": task(
      `setTimeout(() => { throw new Error("too late"); }, 400); return ctx.jobId;`,
    ),
    "tasks/exits.ts": task("process.exit(3);"),
    "tasks/hides_exit.ts": task(`try { process.exit(0); } catch {} await ${untilAborted};`),
    // Ends when the test says so.
    "tasks/bystander.ts": `export default { timeout: false, handler: async (payload, ctx) => {
      ctx.log.info("waits for " + payload);
      while (!(await ctx.query("select from done where name = $1", [payload])).rowCount) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return 1;
    } };`,
  });
  running = new RunningCli(["run"], { ...options(), env: { ...options().env, ...short } });
  await running.says("until Ctrl-C");
});

const short = { TASKRUN_TIMEOUT_GRACE: "200ms", TASKRUN_LOG_FORMAT: "json" };

afterAll(async () => {
  running.kill("SIGTERM");
  const { code } = await running.ended;
  await project[Symbol.asyncDispose]();
  await db.end();
  await database.drop();
  expect(code).toBe(0);
});

function options() {
  return { cwd: project.dir, env: { DATABASE_URL: database.url } };
}

async function run(task: string, payload: unknown = {}): Promise<Record<string, unknown>> {
  const { stdout } = await runCli(
    ["add", task, JSON.stringify(payload), "--max-attempts", "1", "--wait", "--json"],
    options(),
  );
  return JSON.parse(stdout);
}

test.each([
  ["rejects", "left behind"],
  ["throws", "in a timer"],
  ["ignores", "and goes on"],
  ["exits", "process.exit(3) was called while jobs run"],
  ["hides_exit", "process.exit(0) was called while jobs run"],
])("%s fails with its own error, and nobody else does", async (task, error) => {
  const bystander = run("bystander", task);
  await running.says(`waits for ${task}`);
  expect(await run(task)).toMatchObject({
    state: "failed",
    error: expect.stringContaining(error),
  });
  await db.query("insert into done values ($1)", [task]);
  expect(await bystander).toMatchObject({ state: "completed", output: 1 });
});

test("what comes after the attempt's end is told with its task and job", async () => {
  const { id, state } = await run("late");
  expect(state).toBe("completed");
  await running.says("too late");
  const lines = running.stdout.split("\n").filter((line) => line.includes("too late"));
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    task: "late",
    jobId: id,
    msg: expect.stringContaining("its attempt had ended"),
  });
});
