import { afterAll, beforeAll, expect, test } from "vitest";
import { readOverview } from "../../src/store/overview.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;
beforeAll(async () => {
  kit = await testRuntime({});
});
afterAll(() => kit.stop());

const attention = async () => {
  const hourAgo = new Date(Date.now() - 3_600_000);
  const overview = await readOverview(kit.db, schemas, { since: hourAgo, buckets: 4 });
  return overview.attention.map(({ kind, task, count }) => ({ kind, task, count }));
};

test("jobs that no process can run, and those that run for hours, need attention", async () => {
  expect(await attention()).toEqual([]);
  await addBySql(kit, "lonely");
  expect(await attention()).toEqual([{ kind: "no_process", task: null, count: 1 }]);
  await kit.db.query(
    "insert into taskrun.processes (id, host, pid, version, tasks) values ('p', 'h', 1, '0', $1)",
    [["other"]],
  );
  expect(await attention()).toEqual([{ kind: "no_process", task: "lonely", count: 1 }]);
  await addBySql(kit, "other");
  await kit.db.query(
    `update graphile_worker._private_jobs set locked_by = 'p', locked_at = now() - interval '2 h'
     where task_id = (select id from graphile_worker._private_tasks where identifier = 'other')`,
  );
  expect(await attention()).toEqual([
    { kind: "stuck", task: "other", count: 1 },
    { kind: "no_process", task: "lonely", count: 1 },
  ]);
});

test("handlers that did not stop need attention, with their process", async () => {
  await kit.db.query("update taskrun.processes set stuck = 2 where id = 'p'");
  const { attention: all } = await readOverview(kit.db, schemas, { since: new Date(), buckets: 1 });
  expect(all.filter(({ kind, task }) => kind === "stuck" && task === null)).toEqual([
    {
      kind: "stuck",
      count: 2,
      task: null,
      detail: "2 handlers in h:1 did not stop when told to",
      since: null,
    },
  ]);
  await kit.db.query("update taskrun.processes set stuck = 0 where id = 'p'");
  expect(await attention()).not.toContainEqual({ kind: "stuck", task: null, count: 2 });
});

test("each piece of time has what ended in it, and nothing is left out", async () => {
  const since = new Date(Date.now() - 4_000_000);
  for (const [id, agoMs, state] of [
    [1, 3_900_000, "completed"],
    [2, 100_000, "completed"],
    [3, 100_000, "cancelled"],
    [4, 9_000_000, "failed"],
  ] as const) {
    await kit.db.query(
      `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority,
         created_at, run_at, started_at, finished_at)
       select $1, 't', $3, 1, 1, 0, at, at, at + interval '1 s', at + interval '3 s'
       from (select now() - $2 * interval '1 ms' as at) x`,
      [id, agoMs, state],
    );
  }
  const { series, bucketMs } = await readOverview(kit.db, schemas, { since, buckets: 4 });
  expect(series).toHaveLength(4);
  expect(series[0]).toMatchObject({ at: since, completed: 1 });
  // Durations are told to 5 %.
  expect(series[0]?.wait_p50_ms).toBeCloseTo(1000, -2);
  expect(series[0]?.run_p95_ms).toBeCloseTo(2000, -2.5);
  expect(series[1]).toMatchObject({ completed: 0, wait_p50_ms: null });
  expect(series[1]?.at).toEqual(new Date(since.getTime() + bucketMs));
  expect(series[3]).toMatchObject({ completed: 1, cancelled: 1, failed: 0 });
});
