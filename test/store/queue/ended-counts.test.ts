import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  countEnded,
  EndedCounts,
  endedByTask,
  endedOverTime,
  failedByTask,
  recountEnded,
} from "../../../src/store/queue/ended-counts.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { addBySql, testRuntime } from "../../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
let kit: TestRuntime;
let lastId = 1_000;

beforeEach(async () => {
  kit = await testRuntime({
    bad: async () => {
      throw new Error("PERMANENT: bad");
    },
  });
});
afterEach(() => kit.stop());

const ago = (ms: number): Date => new Date(Date.now() - ms);

/** Records that ended at that moment, having waited 100 ms and run for a second. */
async function add(count: number, at: Date, task = "a", state = "completed"): Promise<void> {
  await kit.db.query(
    `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority,
       created_at, run_at, started_at, finished_at)
     select $1 + n, $2, $3, 1, 1, 0, $4, $4::timestamptz - interval '1.1 s',
       $4::timestamptz - interval '1 s', $4
     from generate_series(1, $5) n`,
    [lastId, task, state, at, count],
  );
  lastId += count;
}

async function countAll(): Promise<void> {
  while (await countEnded(kit.db, schemas));
}

async function totals(since: Date, task: string | null = null) {
  const found = await endedByTask(kit.db, schemas, { since, task });
  return Object.fromEntries(
    [...found].sort().map(([name, { completed, failed, cancelled }]) => {
      return [name, [completed, failed, cancelled]];
    }),
  );
}

/** What the history itself says. */
async function truth(since: Date) {
  const { rows } = await kit.db.query(
    `select task, count(*) filter (where state = 'completed')::int as completed,
       count(*) filter (where state = 'failed')::int as failed,
       count(*) filter (where state = 'cancelled')::int as cancelled
     from taskrun.history where finished_at >= $1 group by task order by task`,
    [since],
  );
  return Object.fromEntries(rows.map((r) => [r.task, [r.completed, r.failed, r.cancelled]]));
}

describe("what is told is what the history has", () => {
  test("before, while and after it is counted, from any moment on", async () => {
    const moments = [30, 61, 119, 121, 600, 3_000, 3_599, 3_601, 9_000, 20_000, 86_000];
    for (const [place, seconds] of moments.entries()) {
      await add(place + 1, ago(seconds * 1000), place % 2 === 0 ? "a" : "b");
      await add(2, ago(seconds * 1000 + 17), "b", place % 3 === 0 ? "failed" : "cancelled");
    }
    const starts = [10, 60, 100, 125, 3_000, 3_600, 7_100, 9_001, 86_400].map((s) => ago(s * 1000));
    const rightAt = async () => {
      for (const since of starts) expect(await totals(since)).toEqual(await truth(since));
    };
    await rightAt();
    await kit.db.query("select taskrun.count_ended(20)");
    await rightAt();
    await countAll();
    await rightAt();
    await add(5, ago(500), "c");
    await rightAt();
  });

  test("for one task", async () => {
    await add(3, ago(hourMs), "a");
    await add(4, ago(hourMs), "b");
    await countAll();
    await add(2, ago(100), "b");
    expect(await totals(ago(2 * hourMs), "b")).toEqual({ b: [6, 0, 0] });
  });

  test("as long as anybody has counted: records that were pruned still tell", async () => {
    await add(7, ago(5 * hourMs));
    await countAll();
    await kit.db.query("delete from taskrun.history");
    expect(await totals(ago(6 * hourMs))).toEqual({ a: [7, 0, 0] });
  });
});

test("how long jobs waited and ran is right to 5 %", async () => {
  await add(10, ago(2 * hourMs));
  await countAll();
  await add(10, ago(100));
  const counts = (await endedByTask(kit.db, schemas, { since: ago(3 * hourMs), task: null })).get(
    "a",
  );
  expect(counts?.waitMs.p50).toBeGreaterThan(95);
  expect(counts?.waitMs.p95).toBeLessThan(105);
  expect(counts?.runMs.p50).toBeGreaterThan(950);
  expect(counts?.runMs.p95).toBeLessThan(1050);
});

test("every piece of time has what ended in it", async () => {
  const since = ago(6 * hourMs);
  for (const piece of [0, 1, 3, 5]) {
    await add(piece + 1, new Date(since.getTime() + piece * hourMs + 20 * minuteMs));
  }
  const span = { since, pieceMs: hourMs / 2, pieces: 12 };
  const right = [1, 0, 2, 0, 0, 0, 4, 0, 0, 0, 6, 0];
  for (const step of [async () => {}, countAll]) {
    await step();
    const found = await endedOverTime(kit.db, schemas, span);
    expect(found.map(({ completed }) => completed)).toEqual(right);
  }
});

test("records that come late are found and counted", async () => {
  const then = ago(5 * minuteMs);
  await add(3, then);
  await countAll();
  await add(4, then);
  await add(2, ago(3 * hourMs), "b");
  expect(await totals(ago(4 * hourMs))).toEqual({ a: [3, 0, 0] });
  expect(await recountEnded(kit.db, schemas, ago(10 * minuteMs))).toBe(1);
  expect(await totals(ago(4 * hourMs))).toEqual({ a: [7, 0, 0] });
  expect(await recountEnded(kit.db, schemas, ago(25 * hourMs))).toBe(1);
  expect(await totals(ago(4 * hourMs))).toEqual({ a: [7, 0, 0], b: [2, 0, 0] });
  expect(await recountEnded(kit.db, schemas, ago(25 * hourMs))).toBe(0);
});

test("two that count at once count everything once", async () => {
  await add(500, ago(hourMs));
  const both = await Promise.all(
    Array.from({ length: 4 }, () => kit.db.query("select counted from taskrun.count_ended(100)")),
  );
  expect(both).toHaveLength(4);
  await countAll();
  expect(await totals(ago(2 * hourMs))).toEqual({ a: [500, 0, 0] });
});

test("a failed job that is retried is failed no more", async () => {
  const id = await addBySql(kit, "bad");
  await kit.drain();
  await kit.db.query("update taskrun.history set finished_at = now() - interval '5 s'");
  await countAll();
  expect(await totals(ago(hourMs))).toEqual({ bad: [0, 1, 0] });
  await kit.db.query("select taskrun.retry_job($1)", [id]);
  expect(await totals(ago(hourMs))).toEqual({ bad: [0, 0, 0] });
});

test("counts that nobody asks for any more are forgotten", async () => {
  await add(1, ago(50 * hourMs));
  await add(1, ago(hourMs));
  await countAll();
  await recountEnded(kit.db, schemas, ago(minuteMs));
  const { rows } = await kit.db.query(
    "select span, count(distinct at)::int as spans from taskrun.ended_counts group by 1 order by 1",
  );
  expect(rows).toEqual([
    { span: "hour", spans: 2 },
    { span: "minute", spans: 1 },
    { span: "task hour", spans: 2 },
    { span: "task part", spans: 1 },
  ]);
  expect(await totals(ago(60 * hourMs))).toEqual({ a: [2, 0, 0] });
});

test("the database's buckets are those that percentiles are made of", async () => {
  const { rows } = await kit.db.query(
    `select ms, taskrun.duration_bucket(ms) as bucket
     from unnest(array[null, -5, 0, 0.99, 1, 1.09, 1.11, 50, 1000, 1e15]::float8[]) as ms`,
  );
  expect(rows.map(({ bucket }) => bucket)).toEqual([null, 0, 0, 0, 1, 1, 2, 42, 73, 363]);
});

test("a sum has everything of its parts", () => {
  const [a, b] = [new EndedCounts(), new EndedCounts()];
  a.add({ kind: "completed", bucket: 0, count: 2 });
  a.add({ kind: "run", bucket: 10, count: 2 });
  b.add({ kind: "failed", bucket: 0, count: 1 });
  b.add({ kind: "wait", bucket: 0, count: 1 });
  const sum = EndedCounts.sumOf([a, b]);
  expect(sum).toMatchObject({ completed: 2, failed: 1, cancelled: 0 });
  expect(sum.runMs).toEqual(a.runMs);
  expect(sum.waitMs).toEqual({ p50: 0, p95: 0 });
});

test("however many records there are at either end, no more than thousands are read", async () => {
  const since = new Date(Math.floor(Date.now() / hourMs) * hourMs - 3 * hourMs + 6 * minuteMs);
  // Four of the ten minutes are before the moment that is asked for.
  await add(8_000, new Date(since.getTime() - 2 * minuteMs), "a");
  await add(12_000, new Date(since.getTime() + 2 * minuteMs), "a");
  await add(1_000, new Date(since.getTime() + 30 * minuteMs), "b");
  await countAll();
  await add(7_000, new Date(), "c");
  // A part of the ten minutes that is as long as the time; the last ones come with the next count.
  expect(await totals(since)).toEqual({ a: [8_000, 0, 0], b: [1_000, 0, 0] });
});

test("failures alone are counted as among all", async () => {
  await add(10, ago(50 * minuteMs), "a", "failed");
  await add(20, ago(50 * minuteMs), "a");
  await countAll();
  await add(3, ago(0), "b", "failed");
  expect(Object.fromEntries(await failedByTask(kit.db, schemas, ago(hourMs)))).toEqual({
    a: 10,
    b: 3,
  });
});
