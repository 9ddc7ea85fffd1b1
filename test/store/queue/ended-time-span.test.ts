import { afterEach, beforeEach, expect, test } from "vitest";
import { endedTimeSpan, lowerId } from "../../../src/store/queue/ended-time-span.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;

beforeEach(async () => {
  kit = await testRuntime({});
});
afterEach(() => kit.stop());

const minuteMs = 60_000;
const ago = (minutes: number): Date => new Date(Date.now() - minutes * minuteMs);

/** A record each second, the newest now, with gaps between the ids. */
async function addRecords(count: number): Promise<void> {
  await kit.db.query(
    `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     select 3 * n + n / 1000 * 50000, 'a', 'completed', 1, 1, 0, t, t, t
     from (select n, now() - ($1 - n) * interval '1 s' as t from generate_series(1, $1) n) m`,
    [count],
  );
}

test("a span of few records is read by its time", async () => {
  await addRecords(12_000);
  expect(await endedTimeSpan(kit.db, schemas, { since: ago(100) })).toEqual({
    isSmall: true,
    below: null,
  });
  expect((await endedTimeSpan(kit.db, schemas, { since: ago(1_000) })).isSmall).toBe(false);
});

test("looking into payloads, far fewer are few", async () => {
  await addRecords(3_000);
  const payload = [{ path: ["n"], value: "1" }];
  expect((await endedTimeSpan(kit.db, schemas, { since: ago(100) })).isSmall).toBe(true);
  expect((await endedTimeSpan(kit.db, schemas, { since: ago(100), payload })).isSmall).toBe(false);
});

test("many records of the past have an upper end by their ids, a little above the last", async () => {
  await addRecords(20_000);
  const until = ago(60);
  const { isSmall, below } = await endedTimeSpan(kit.db, schemas, { until });
  expect(isSmall).toBe(false);
  const { rows } = await kit.db.query(
    `select max(job_id) filter (where finished_at < $1)::text as last,
       min(job_id) filter (where created_at > $1::timestamptz + interval '10 min')::text as first
     from taskrun.history`,
    [until],
  );
  expect(below).toBe(rows[0].first);
  expect(BigInt(rows[0].last) < BigInt(below!)).toBe(true);
});

test("what has just been counts as now: clocks differ", async () => {
  await addRecords(20_000);
  expect(await endedTimeSpan(kit.db, schemas, { until: ago(5) })).toEqual({
    isSmall: false,
    below: null,
  });
});

test("jobs that still wait have an end as well", async () => {
  await kit.db.query("select count(taskrun.add_job('a')) from generate_series(1, 9)");
  const { below } = await endedTimeSpan(kit.db, schemas, { until: ago(60) });
  const { rows } = await kit.db.query(
    "select min(id)::text as id from graphile_worker._private_jobs",
  );
  expect(below).toBe(rows[0].id);
});

test("the lower one of two ids is that of the lower number", () => {
  expect(lowerId("9", "10")).toBe("9");
  expect(lowerId(null, "10")).toBe("10");
  expect(lowerId(null, null)).toBeNull();
});
