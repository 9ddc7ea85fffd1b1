/** What people reach with psql alone: the function that adds jobs and the view that shows them. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { settlePlain } from "../../src/store/queue/settle.ts";
import { settleOthers } from "../../src/store/queue/settle-others.ts";
import { completed, ended, type QueueKit, queueKit } from "../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

describe("taskrun.add_job", () => {
  const addRaw = (call: string) => q.db.query(`select taskrun.add_job(${call}) as id`);

  test("with a name alone queues a job with an empty payload, due now", async () => {
    const { rows } = await addRaw("'greet'");
    expect(await q.kit.job(rows[0].id)).toMatchObject({
      task: "greet",
      payload: {},
      state: "pending",
      priority: 0,
      attempts: 0,
      max_attempts: 25,
      queue: null,
      key: null,
    });
  });

  test("null for the payload or the options is the same as leaving them out", async () => {
    const { rows } = await addRaw("'greet', null, null");
    expect(await q.kit.job(rows[0].id)).toMatchObject({ payload: {}, state: "pending" });
  });

  test("takes each option", async () => {
    const id = await q.add({
      run_at: "2099-01-02T03:04:05Z",
      priority: "high",
      queue: "line",
      key: "k",
      key_mode: "preserve_run_at",
      max_attempts: 3,
      flags: ["gpu"],
      correlation_id: "c",
      created_by: "ada",
      parent_id: 5,
      metadata: { a: 1 },
    });
    expect(await q.kit.job(id)).toMatchObject({
      state: "scheduled",
      run_at: new Date("2099-01-02T03:04:05Z"),
      priority: -10,
      queue: "line",
      key: "k",
      max_attempts: 3,
      correlation_id: "c",
      created_by: "ada",
      parent_id: "5",
      metadata: { a: 1 },
    });
    expect(await q.row(id)).toMatchObject({ flags: { gpu: true } });
  });

  const delays: [delay: unknown, seconds: number][] = [
    [90_000, 90],
    [1500.5, 1.5005],
    ["90 seconds", 90],
    ["1 hour 30 minutes", 5400],
    [0, 0],
  ];
  test.each(delays)("takes the delay %j", async (delay, seconds) => {
    const id = await q.add({ delay });
    const { rows } = await q.db.query(
      `select extract(epoch from run_at - created_at)::float8 as seconds
       from graphile_worker._private_jobs where id = $1`,
      [id],
    );
    expect(rows[0].seconds).toBeCloseTo(seconds, 3);
  });

  const priorities: [given: unknown, number: number][] = [
    ["critical", -100],
    ["high", -10],
    ["normal", 0],
    ["low", 10],
    [-32_768, -32_768],
    [32_767, 32_767],
  ];
  test.each(priorities)("takes the priority %j", async (priority, number) => {
    expect(await q.row(await q.add({ priority }))).toMatchObject({ priority: number });
  });

  const refused: [options: unknown, message: RegExp][] = [
    [{ prio: 1, kind: 2 }, /unknown option 'kind', 'prio'/],
    [[], /options must be a JSON object, got array/],
    ["high", /options must be a JSON object, got string/],
    [{ priority: "urgent" }, /priority "urgent" is not a name or integer/],
    [{ priority: 40_000 }, /priority 40000 is not a name or integer/],
    [{ run_at: "2099-01-01", delay: 5 }, /give run_at or delay, not both/],
    [{ delay: "soon" }, /interval/],
    [{ run_at: "tomorrowish" }, /timestamp/],
    [{ max_attempts: 0 }, /max_attempts|attempts/i],
    [{ key: "k", key_mode: "sometimes" }, /job_key_mode/],
    [{ queue: "q".repeat(200) }, /job_queues_queue_name_check/],
  ];
  test.each(refused)("refuses %j", async (options, message) => {
    const call = q.add(options as Record<string, unknown>);
    await expect(call).rejects.toMatchObject({ message: expect.stringMatching(message) });
    const { rows } = await q.db.query("select 1 from graphile_worker._private_jobs");
    expect(rows).toEqual([]);
  });

  test("belongs to the caller's transaction", async () => {
    const client = await q.db.connect();
    await client.query("begin");
    await client.query("select taskrun.add_job('t', '{}', '{\"metadata\": {\"a\": 1}}')");
    await client.query("rollback");
    client.release();
    const { rows } = await q.db.query(
      "select 1 from taskrun.jobs union all select 1 from taskrun.job_details",
    );
    expect(rows).toEqual([]);
  });

  test("a second add with a key replaces the waiting job, and what was said about it", async () => {
    const first = await q.add({ key: "k", metadata: { a: 1 }, correlation_id: "old" }, { n: 1 });
    const second = await q.add({ key: "k", metadata: { b: 2 } }, { n: 2 });
    expect(second).toBe(first);
    expect(await q.kit.job(first)).toMatchObject({
      payload: { n: 2 },
      metadata: { b: 2 },
      correlation_id: null,
    });
  });

  test("callers that fight over a key all get a job", async () => {
    for (let round = 0; round < 10; round += 1) {
      const key = `k${round}`;
      const adds = [1, 2, 3].map(() => q.add({ key }));
      const [jobs, ...ids] = await Promise.all([q.take("p"), ...adds]);
      for (const id of ids) expect(id).toMatch(/^\d+$/);
      for (const job of jobs) await settlePlain(q.db, q.schemas, [completed(job)]);
    }
  });
});

describe("taskrun.jobs", () => {
  const stateOf = async (id: string) => (await q.kit.job(id))?.state;

  test("shows each state", async () => {
    const scheduled = await q.add({ delay: "1 hour" });
    const running = await q.add();
    await q.take("p");
    const settled: Record<string, string> = {};
    for (const state of ["retrying", "snoozed", "cancelled", "failed"] as const) {
      settled[state] = await q.add();
      const [job] = await q.take("p");
      if (job === undefined) throw new Error("a job was due");
      await settleOthers(q.db, q.schemas, [ended(job, state, { delayMs: 60_000 })]);
    }
    const done = await q.add();
    const [job] = await q.take("p");
    if (job !== undefined) await settlePlain(q.db, q.schemas, [completed(job)]);
    const pending = await q.add();
    const { retrying = "", snoozed = "", cancelled = "", failed = "" } = settled;
    const ids = { pending, scheduled, running, retrying, snoozed, cancelled, failed, done };
    const states: Record<string, string | undefined> = {};
    for (const [name, id] of Object.entries(ids)) states[name] = await stateOf(id);
    expect(states).toEqual({
      pending: "pending",
      scheduled: "scheduled",
      running: "running",
      retrying: "retrying",
      snoozed: "scheduled",
      cancelled: "cancelled",
      failed: "failed",
      done: "completed",
    });
    const { rows } = await q.db.query("select count(*)::int as n from taskrun.jobs");
    expect(rows).toEqual([{ n: 8 }]);
  });

  test("a payload that jsonb refuses is shown as text, and hides no other row", async () => {
    const odd = `{"s": "a\\u0000b"}`;
    const fine = await q.add({}, { s: "caf\u00e9 \\u0041" });
    const { rows: added } = await q.db.query(
      "select id from graphile_worker.add_job('t', $1::text::json)",
      [odd],
    );
    const payloads = async () => {
      const { rows } = await q.db.query("select id, payload from taskrun.jobs order by id");
      return rows;
    };
    const expected = [
      { id: fine, payload: { s: "caf\u00e9 \\u0041" } },
      { id: added[0].id, payload: odd },
    ];
    expect(await payloads()).toEqual(expected);
    const jobs = await q.take("p");
    await settlePlain(
      q.db,
      q.schemas,
      jobs.map((job) => completed(job)),
    );
    expect(await payloads()).toEqual(expected);
  });
});
