import { afterEach, beforeEach, expect, test } from "vitest";
import { schemasFor } from "../../src/store/schemas.ts";
import { readStats } from "../../src/store/task-stats.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
const hourMs = 3_600_000;
/** Durations are told to 5 %. */
const near = (ms: number) => expect.toSatisfy((said: number) => Math.abs(said - ms) <= ms * 0.06);
let kit: TestRuntime;

beforeEach(async () => {
  kit = await testRuntime({
    bad: async () => {
      throw new Error("PERMANENT: bad");
    },
  });
});

afterEach(() => kit.stop());

/** A hundred jobs that waited 1 to 100 ms and ran ten times as long, `agoMs` ago. */
async function addEnded(task: string, state: string, ago: string): Promise<void> {
  await kit.db.query(
    `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority,
       created_at, run_at, started_at, finished_at)
     select coalesce((select max(job_id) from taskrun.history), 1000) + n, $1, $2, 1, 1, 0, t, t,
       t + n * interval '1 ms', t + n * interval '11 ms'
     from generate_series(1, 100) n, (select now() - $3::interval as t) as at`,
    [task, state, ago],
  );
}

test("ended jobs since a moment are counted by task, with rates, waits and run times", async () => {
  await addEnded("a", "completed", "30 min");
  await addEnded("a", "failed", "30 min");
  await addEnded("b", "cancelled", "10 min");
  await addEnded("b", "completed", "2 h");
  const stats = await readStats(kit.db, schemas, { since: new Date(Date.now() - hourMs) });
  expect(stats.tasks).toMatchObject([
    {
      task: "a",
      counts: { completed: 100, failed: 100, cancelled: 0 },
      wait_ms: { p50: near(50), p95: near(95) },
      run_ms: { p50: near(500), p95: near(950) },
    },
    { task: "b", counts: { completed: 0, failed: 0, cancelled: 100 }, completed_per_minute: 0 },
  ]);
  expect(stats.tasks[0]?.completed_per_minute).toBeCloseTo(100 / 60, 1);
  expect(stats.tasks[0]?.failed_per_minute).toBeCloseTo(100 / 60, 1);
  expect(stats.all.counts).toMatchObject({ completed: 100, failed: 100, cancelled: 100 });
  const one = await readStats(kit.db, schemas, { since: new Date(0), task: "b" });
  expect(one.tasks.map(({ task }) => task)).toEqual(["b"]);
  expect(one.all.counts).toMatchObject({ completed: 100, cancelled: 100 });
});

test("jobs that have not ended are counted as they are now", async () => {
  const set = async (to: string, id: string) =>
    kit.db.query(`update graphile_worker._private_jobs set ${to} where id = $1`, [id]);
  await addBySql(kit, "t");
  await set("run_at = now() + interval '1 h'", await addBySql(kit, "t"));
  await set("attempts = 1, last_error = 'x'", await addBySql(kit, "t"));
  await set("locked_at = now(), locked_by = 'p', attempts = 1", await addBySql(kit, "t"));
  await set("attempts = max_attempts, updated_at = now()", await addBySql(kit, "t"));
  const { tasks } = await readStats(kit.db, schemas, { since: new Date(Date.now() - hourMs) });
  expect(tasks).toMatchObject([
    { counts: { pending: 1, scheduled: 1, retrying: 1, running: 1, failed: 1, completed: 0 } },
  ]);
  expect(tasks[0]?.run_ms).toEqual({ p50: null, p95: null });
});

test("a failed job counts once, and not as failed any more when it was retried", async () => {
  const id = await addBySql(kit, "bad");
  await kit.drain();
  const since = new Date(Date.now() - hourMs);
  expect((await readStats(kit.db, schemas, { since })).all.counts).toMatchObject({ failed: 1 });
  await kit.db.query(
    "update graphile_worker._private_jobs set attempts = 0, run_at = now() where id = $1",
    [id],
  );
  expect((await readStats(kit.db, schemas, { since })).all.counts).toMatchObject({
    failed: 0,
    pending: 1,
  });
});
