/** Durable steps in real processes, killed by kill -9 where it hurts. */

import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { pause } from "../../src/store/transient.ts";
import { RunningCli } from "../support/run-cli.ts";
import { TaskProject } from "../support/task-project.ts";
import { createTestDatabase } from "../support/test-database.ts";

/**
 * Five steps. What runs is noted in the table `runs`. A step or compensation that the table
 * `gates` names waits there until the gate is taken away; `fails` says what fails for good.
 */
const order = `
  import { defineTask, PermanentError } from "taskrun";

  const names = ["hold", "charge", "ship", "invoice", "notify"];

  export default defineTask({
    retry: { baseDelay: 10, maxAttempts: 3 },
    timeout: false,
    async handler({ fails }, ctx) {
      for (const [index, name] of names.entries()) {
        await ctx.step(name, () => pass(ctx, name, fails), {
          compensate: (result) => pass(ctx, "undo " + result),
        });
      }
      return "shipped";
    },
  });

  async function pass(ctx, what, fails) {
    await ctx.query("insert into runs (what, pid) values ($1, $2)", [what, process.pid]);
    for (;;) {
      ctx.signal.throwIfAborted();
      const { rowCount } = await ctx.query("select from gates where what = $1", [what]);
      if (rowCount === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (what === fails) throw new PermanentError(what + " failed for good");
    return what;
  }
`;

let database: ScratchDatabase;
let db: pg.Pool;
let project: TaskProject;

beforeEach(async () => {
  database = await createTestDatabase();
  await migrate(database.url, { schema: "graphile_worker" });
  db = new pg.Pool({ connectionString: database.url, max: 2 });
  await db.query(`create table runs (n serial, what text, pid int);
    create table gates (what text primary key)`);
  project = await TaskProject.of({ "tasks/order.ts": order });
  await project.installPackages("zod");
  await project.write("node_modules/taskrun/package.json", ownPackage);
});
afterEach(async () => {
  await db.end();
  await database.drop();
  await project[Symbol.asyncDispose]();
});

const ownPackage = JSON.stringify({
  name: "taskrun",
  type: "module",
  exports: { ".": new URL("../../src/index.ts", import.meta.url).pathname },
});

function start(): RunningCli {
  return new RunningCli(["run", "--heartbeat-interval", "50ms", "--poll-interval", "100ms"], {
    cwd: project.dir,
    env: { DATABASE_URL: database.url, TASKRUN_LOG_LEVEL: "warn" },
  });
}

async function add(payload: object = {}, maxAttempts = 3): Promise<string> {
  const { rows } = await db.query("select taskrun.add_job('order', $1, $2) as id", [
    payload,
    { max_attempts: maxAttempts },
  ]);
  return rows[0].id;
}

const close = (what: string) => db.query("insert into gates values ($1)", [what]);
const open = (what: string) => db.query("delete from gates where what = $1", [what]);

async function runs(): Promise<string[]> {
  const { rows } = await db.query("select what from runs order by n");
  return rows.map(({ what }) => what);
}

async function untilRun(what: string, times = 1): Promise<void> {
  while ((await runs()).filter((each) => each === what).length < times) await pause(10);
}

/** Before a heartbeat has said so, a process that dies is taken not to have begun the job. */
async function untilKnownToRun(id: string): Promise<void> {
  const ask = "select from taskrun.processes where $1::bigint = any (running)";
  while ((await db.query(ask, [id])).rowCount === 0) await pause(10);
}

async function untilEnded(id: string) {
  for (;;) {
    const { rows } = await db.query("select * from taskrun.jobs where id = $1", [id]);
    if (["completed", "failed", "cancelled"].includes(rows[0].state)) return rows[0];
    await pause(20);
  }
}

const forward = ["hold", "charge", "ship", "invoice", "notify"];

test("an order killed after its third step goes on at the fourth", async () => {
  await close("invoice");
  const id = await add();
  const first = start();
  await untilRun("invoice");
  first.kill("SIGKILL");
  await first.ended;
  await open("invoice");
  await using _second = start();
  expect(await untilEnded(id)).toMatchObject({ state: "completed", output: "shipped" });
  expect(await runs()).toEqual(["hold", "charge", "ship", "invoice", "invoice", "notify"]);
});

describe("a permanent failure at the fourth step", () => {
  const undo = ["undo ship", "undo charge", "undo hold"];

  test("undoes the third, the second, the first", async () => {
    const id = await add({ fails: "invoice" });
    await using _process = start();
    const job = await untilEnded(id);
    expect(job).toMatchObject({ state: "failed", error: "invoice failed for good", attempts: 1 });
    expect(await runs()).toEqual([...forward.slice(0, 4), ...undo]);
  });

  test("undoes them also when the process is killed amid that: each once, but the one under way", async () => {
    await close("undo charge");
    const id = await add({ fails: "invoice" });
    const first = start();
    await untilRun("undo charge");
    first.kill("SIGKILL");
    await first.ended;
    await open("undo charge");
    await using _second = start();
    const job = await untilEnded(id);
    expect(job).toMatchObject({ state: "failed", error: "invoice failed for good" });
    const [ship, charge, hold] = undo;
    expect(await runs()).toEqual([...forward.slice(0, 4), ship, charge, charge, hold]);
    const { rows } = await db.query("select name, state from taskrun.steps order by position");
    expect(rows).toEqual(forward.slice(0, 3).map((name) => ({ name, state: "compensated" })));
  });
});

test("a process that dies in the last attempt leaves the steps to be undone by another", async () => {
  await close("ship");
  const id = await add({}, 1);
  const first = start();
  await untilRun("ship");
  await untilKnownToRun(id);
  first.kill("SIGKILL");
  await first.ended;
  await using _second = start();
  const job = await untilEnded(id);
  expect(job).toMatchObject({ state: "failed", error: expect.stringMatching(/^process died/) });
  expect(await runs()).toEqual(["hold", "charge", "ship", "undo charge", "undo hold"]);
});

test("a running job that is cancelled from another process is undone and ends as cancelled", async () => {
  await close("ship");
  const id = await add();
  await using _process = start();
  await untilRun("ship");
  await db.query("select taskrun.cancel_job($1, 'out of stock')", [id]);
  const job = await untilEnded(id);
  expect(job).toMatchObject({ state: "cancelled" });
  expect(job.error).toContain("out of stock");
  expect(await runs()).toEqual(["hold", "charge", "ship", "undo charge", "undo hold"]);
});

test("a waiting job that is cancelled has its steps undone first", async () => {
  await close("ship");
  const id = await add();
  const first = start();
  await untilRun("ship");
  first.kill("SIGTERM");
  await first.ended;
  await db.query("select taskrun.cancel_job($1, 'out of stock')", [id]);
  await using _second = start();
  const job = await untilEnded(id);
  expect(job).toMatchObject({ state: "cancelled" });
  expect(job.error).toContain("out of stock");
  expect(await runs()).toEqual(["hold", "charge", "ship", "undo charge", "undo hold"]);
});
