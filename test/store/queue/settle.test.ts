import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import { landedBefore, settleCompleted, settlePlain } from "../../../src/store/queue/settle.ts";
import { settleOthers } from "../../../src/store/queue/settle-others.ts";
import type { OtherSettlement } from "../../../src/store/queue/settlement.ts";
import { completed, ended, type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

/** Adds one job and locks it for process "p". */
async function taken(options: Record<string, unknown> = {}): Promise<QueueJob> {
  await q.add(options);
  const [job] = await q.take("p");
  if (job === undefined) throw new Error("nothing was due");
  return job;
}

async function history(id: string) {
  const { rows } = await q.db.query("select * from taskrun.history where job_id = $1", [id]);
  return rows;
}

async function attempts(id: string) {
  const { rows } = await q.db.query("select * from taskrun.attempts where job_id = $1", [id]);
  return rows;
}

const states: OtherSettlement["state"][] = [
  "retrying",
  "snoozed",
  "returned",
  "cancelled",
  "failed",
];

describe("the fence", () => {
  /** Each way a job can have stopped being ours. */
  const givenAway: Record<string, string> = {
    "locked by another process": "locked_by = 'other'",
    "unlocked by a rescue": "locked_by = null, locked_at = null",
    "on a later attempt": "attempts = attempts + 1",
    "unlocked with its attempts used up": "locked_by = null, locked_at = null, attempts = 25",
  };

  for (const [how, change] of Object.entries(givenAway)) {
    test(`a job ${how} is left as it is, and reported lost`, async () => {
      const job = await taken({ queue: "line" });
      await q.db.query(`update graphile_worker._private_jobs set ${change}`);
      const before = await q.row(job.id);
      expect(await settlePlain(q.db, q.schemas, [completed(job)])).toBe(0);
      expect(await settleCompleted(q.db, q.schemas, [completed(job)])).toBe(0);
      for (const state of states) {
        expect(await settleOthers(q.db, q.schemas, [ended(job, state)])).toEqual([]);
      }
      expect(await q.row(job.id)).toEqual(before);
      expect(await history(job.id)).toEqual([]);
      expect(await attempts(job.id)).toEqual([]);
      expect(await q.lockedQueues()).toEqual(["line"]);
    });
  }

  test("a job that is gone is reported lost", async () => {
    const job = await taken();
    await q.db.query("delete from graphile_worker._private_jobs");
    expect(await settlePlain(q.db, q.schemas, [completed(job)])).toBe(0);
    expect(await settleOthers(q.db, q.schemas, [ended(job, "failed")])).toEqual([]);
    expect(await history(job.id)).toEqual([]);
  });

  test("a batch settles what is ours beside what is not", async () => {
    await q.add();
    await q.add();
    const [mine, theirs] = await q.take("p");
    if (mine === undefined || theirs === undefined) throw new Error("two jobs were due");
    await q.db.query("update graphile_worker._private_jobs set locked_by = 'o' where id = $1", [
      theirs.id,
    ]);
    expect(await settlePlain(q.db, q.schemas, [completed(mine), completed(theirs)])).toBe(1);
    expect(await q.row(mine.id)).toBeUndefined();
    expect(await q.row(theirs.id)).toMatchObject({ locked_by: "o" });
  });

  test("an old outcome doesn't touch the last attempt of a job without a key", async () => {
    const job = await taken({ max_attempts: 2 });
    await settleOthers(q.db, q.schemas, [ended(job, "retrying")]);
    const [again] = await q.take("p");
    expect(again).toMatchObject({ id: job.id, attempt: 2 });
    for (const state of states) {
      expect(await settleOthers(q.db, q.schemas, [ended(job, state)])).toEqual([]);
    }
    expect(await settleCompleted(q.db, q.schemas, [completed(job)])).toBe(0);
    expect(await q.row(job.id)).toMatchObject({ locked_by: "p", attempts: 2 });
  });
});

describe("a job whose key was taken over while it ran", () => {
  for (const maxAttempts of [1, 3]) {
    test(`is not run again, with ${maxAttempts} attempts at most`, async () => {
      for (const state of ["retrying", "snoozed", "returned"] as const) {
        const key = `k-${state}`;
        const job = await taken({ key, max_attempts: maxAttempts });
        const successor = await q.add({ key, run_at: "2099-01-01" });
        expect(successor).not.toBe(job.id);
        const settled = await settleOthers(q.db, q.schemas, [ended(job, state)]);
        expect(settled).toEqual([{ id: job.id, state: "cancelled" }]);
        expect(await q.row(job.id)).toBeUndefined();
        const records = await history(job.id);
        expect(records).toMatchObject([{ state: "cancelled" }]);
        expect(records[0].error).toMatch(/superseded/);
      }
    });
  }

  test("completes or fails as it did", async () => {
    const done = await taken({ key: "a" });
    await q.add({ key: "a", run_at: "2099-01-01" });
    expect(await settleCompleted(q.db, q.schemas, [completed(done)])).toBe(1);
    expect(await history(done.id)).toMatchObject([{ state: "completed" }]);
    const failed = await taken({ key: "b" });
    await q.db.query("select graphile_worker.remove_job('b')");
    const settled = await settleOthers(q.db, q.schemas, [ended(failed, "failed")]);
    expect(settled).toEqual([{ id: failed.id, state: "failed" }]);
    expect(await history(failed.id)).toMatchObject([{ state: "failed", attempts: 1 }]);
  });
});

describe("each outcome", () => {
  test("completed: the job leaves, its details move to the record, its queue is free", async () => {
    const job = await taken({
      queue: "line",
      key: "k",
      priority: 7,
      correlation_id: "c",
      created_by: "ada",
      parent_id: 5,
      metadata: { a: 1 },
    });
    const settlement = completed(job, {
      outputJson: '{"say":"\\"quoted\\" \\\\ {braces}, NULL"}',
      progressJson: '{"done":1,"total":1,"message":null}',
    });
    expect(await settleCompleted(q.db, q.schemas, [settlement])).toBe(1);
    expect(await q.row(job.id)).toBeUndefined();
    expect(await q.lockedQueues()).toEqual([]);
    expect(await history(job.id)).toMatchObject([
      {
        state: "completed",
        output: { say: '"quoted" \\ {braces}, NULL' },
        queue: "line",
        key: "k",
        priority: 7,
        correlation_id: "c",
        created_by: "ada",
        parent_id: "5",
        metadata: { a: 1 },
        progress: { done: 1, total: 1, message: null },
        attempts: 1,
        process: "p",
      },
    ]);
    const { rows } = await q.db.query("select 1 from taskrun.job_details");
    expect(rows).toEqual([]);
  });

  test("retrying: unlocked, due after the delay, with a record of the attempt", async () => {
    const job = await taken({ queue: "line" });
    await settleOthers(q.db, q.schemas, [ended(job, "retrying", { delayMs: 60_000 })]);
    expect(await q.row(job.id)).toMatchObject({
      attempts: 1,
      locked_by: null,
      locked_at: null,
      last_error: "bad luck",
      later: true,
    });
    expect(await q.lockedQueues()).toEqual([]);
    expect(await history(job.id)).toEqual([]);
    expect(await attempts(job.id)).toMatchObject([
      { attempt: 1, state: "retrying", error_message: "bad luck", process: "p" },
    ]);
  });

  test("snoozed: due after the delay, uncounted, without an error", async () => {
    const job = await taken();
    await settleOthers(q.db, q.schemas, [ended(job, "snoozed", { delayMs: 60_000 })]);
    const row = await q.row(job.id);
    expect(row).toMatchObject({ attempts: 0, locked_by: null, last_error: null, later: true });
    expect(await attempts(job.id)).toEqual([]);
  });

  test("returned: due as before, uncounted, and whoever listens is told", async () => {
    const job = await taken();
    const listener = await q.db.connect();
    const heard: string[] = [];
    listener.on("notification", ({ channel }) => heard.push(channel));
    await listener.query('listen "jobs:insert"');
    await settleOthers(q.db, q.schemas, [ended(job, "returned")]);
    await listener.query("select 1");
    listener.release(true);
    expect(heard).toEqual(["jobs:insert"]);
    expect(await q.row(job.id)).toMatchObject({ attempts: 0, locked_by: null, later: false });
  });

  test("cancelled: the job leaves, its record has the reason", async () => {
    const job = await taken({ metadata: { a: 1 }, queue: "line" });
    await settleOthers(q.db, q.schemas, [ended(job, "cancelled", { reason: "moot" })]);
    expect(await q.row(job.id)).toBeUndefined();
    expect(await q.lockedQueues()).toEqual([]);
    const records = await history(job.id);
    expect(records).toMatchObject([{ state: "cancelled", error: "moot", metadata: { a: 1 } }]);
    const { rows } = await q.db.query("select 1 from taskrun.job_details");
    expect(rows).toEqual([]);
  });

  test("failed: the job stays with its attempts used up, its record says how many it had", async () => {
    const job = await taken();
    await settleOthers(q.db, q.schemas, [ended(job, "failed")]);
    expect(await q.row(job.id)).toMatchObject({ attempts: 25, locked_by: null });
    expect(await history(job.id)).toMatchObject([{ state: "failed", attempts: 1 }]);
    expect(await attempts(job.id)).toMatchObject([{ state: "failed", attempt: 1 }]);
  });
});

test("a job whose row was written anew meanwhile is settled all the same", async () => {
  await q.add();
  await q.add();
  const jobs = await q.take("p");
  const [moved] = jobs;
  // As whoever refreshes the locks of long jobs.
  await q.db.query("update graphile_worker._private_jobs set locked_at = now() where id = $1", [
    moved?.id,
  ]);
  const batch = jobs.map((job) => completed(job));
  expect(await settlePlain(q.db, q.schemas, batch)).toBe(2);
  for (const { id } of jobs) {
    expect(await q.row(id)).toBeUndefined();
    expect(await history(id)).toMatchObject([{ state: "completed", task: "t" }]);
  }
});

test("a place that another job has by now is not that job's end", async () => {
  const gone = await taken();
  const other = await taken();
  await q.db.query("delete from graphile_worker._private_jobs where id = $1", [gone.id]);
  const misplaced = completed(gone, { place: other.place });
  expect(await settlePlain(q.db, q.schemas, [misplaced])).toBe(0);
  expect(await q.row(other.id)).toMatchObject({ locked_by: "p" });
});

test("each record of a batch has its own task, whatever the names", async () => {
  const names = ["t", 'say "hi", \\ {all}', "t/u"];
  for (const name of [...names, ...names]) await q.add({}, {}, name);
  const jobs = await q.take("p", 100, names);
  expect(
    await settlePlain(
      q.db,
      q.schemas,
      jobs.map((job) => completed(job)),
    ),
  ).toBe(6);
  for (const { id, task } of jobs) expect(await history(id)).toMatchObject([{ task }]);
  expect(new Set(jobs.map((job) => job.task))).toEqual(new Set(names));
});

describe("an outcome sent twice, since the reply was lost", () => {
  test("completed counts once, plain or not", async () => {
    const plain = completed(await taken());
    expect(await settlePlain(q.db, q.schemas, [plain])).toBe(1);
    expect(await settlePlain(q.db, q.schemas, [plain])).toBe(0);
    expect(await landedBefore(q.db, q.schemas, [plain])).toEqual(new Set([plain.id]));
    const queued = completed(await taken({ queue: "line" }));
    expect(await settleCompleted(q.db, q.schemas, [queued])).toBe(1);
    expect(await settleCompleted(q.db, q.schemas, [queued])).toBe(0);
    expect(await landedBefore(q.db, q.schemas, [queued])).toEqual(new Set([queued.id]));
    expect(await history(plain.id)).toHaveLength(1);
    expect(await history(queued.id)).toHaveLength(1);
  });

  for (const state of states) {
    test(`${state} counts once`, async () => {
      const settlement = ended(await taken({ queue: "line" }), state, { delayMs: 60_000 });
      expect(await settleOthers(q.db, q.schemas, [settlement])).toHaveLength(1);
      const row = await q.row(settlement.id);
      const records = await history(settlement.id);
      const tries = await attempts(settlement.id);
      expect(await settleOthers(q.db, q.schemas, [settlement])).toEqual([]);
      expect(await q.row(settlement.id)).toEqual(row);
      expect(await history(settlement.id)).toEqual(records);
      expect(await attempts(settlement.id)).toEqual(tries);
      const leavesRecord = state !== "snoozed" && state !== "returned";
      const landed = await landedBefore(q.db, q.schemas, [settlement]);
      expect([...landed]).toEqual(leavesRecord ? [settlement.id] : []);
    });
  }

  test("landedBefore doesn't take another process's record, or another attempt's, for ours", async () => {
    const settlement = completed(await taken());
    await settlePlain(q.db, q.schemas, [settlement]);
    const others = [
      { ...settlement, lockedBy: "someone else" },
      { ...settlement, attempt: 2 },
    ];
    expect(await landedBefore(q.db, q.schemas, others)).toEqual(new Set());
  });
});

test("a thousand mixed outcomes go in one batch, each with its own ending", async () => {
  await q.db.query(
    `select taskrun.add_job('t', json_build_object('n', n)::jsonb,
       case when n % 7 = 0 then jsonb_build_object('queue', 'q' || n) else '{}' end)
     from generate_series(1, 1000) n`,
  );
  const jobs = await q.take("p", 1000);
  expect(jobs).toHaveLength(1000);
  const batch = jobs.map((job, n) =>
    ended(job, states[n % 5] ?? "failed", { delayMs: n % 2 === 0 ? 0 : 60_000 }),
  );
  const settled = await settleOthers(q.db, q.schemas, batch);
  const expected = new Map(batch.map(({ id, state }) => [id, state]));
  expect(new Map(settled.map(({ id, state }) => [id, state]))).toEqual(expected);
  const { rows } = await q.db.query(
    `select state, count(*)::int as n from taskrun.history group by 1 order by 1`,
  );
  expect(rows).toEqual([
    { state: "cancelled", n: 200 },
    { state: "failed", n: 200 },
  ]);
  const { rows: left } = await q.db.query(
    `select count(*)::int as n, count(locked_by)::int as locked,
       count(*) filter (where attempts = 0)::int as uncounted
     from graphile_worker._private_jobs`,
  );
  expect(left).toEqual([{ n: 800, locked: 0, uncounted: 400 }]);
  expect(await q.lockedQueues()).toEqual([]);
});

test("an empty batch settles nothing", async () => {
  expect(await settlePlain(q.db, q.schemas, [])).toBe(0);
  expect(await settleCompleted(q.db, q.schemas, [])).toBe(0);
  expect(await settleOthers(q.db, q.schemas, [])).toEqual([]);
});

describe("a batch of which some is left", () => {
  // What a round trip through JavaScript's numbers and strings would change.
  const payload = '[1, 12345678901234567890, {"a":  "\\u0000"}, [4], null]';

  async function takenBatch(text = payload): Promise<QueueJob> {
    await q.db.query("select graphile_worker.add_job('t', $1::json, max_attempts => 3)", [text]);
    const [job] = await q.take("p");
    if (job === undefined) throw new Error("nothing was due");
    return job;
  }

  const payloadText = async (id: string) => {
    const { rows } = await q.db.query(
      "select payload::text as text from graphile_worker._private_jobs where id = $1",
      [id],
    );
    return rows[0]?.text;
  };

  test.each(["retrying", "snoozed", "returned", "failed"] as const)(
    "%s: the job keeps just those entries, in order and to the letter",
    async (state) => {
      const job = await takenBatch();
      await settleOthers(q.db, q.schemas, [ended(job, state, { remaining: [4, 2, 1] })]);
      expect(await payloadText(job.id)).toBe('[12345678901234567890, {"a":  "\\u0000"}, null]');
    },
  );

  test("the record of a failed one holds what is left too", async () => {
    const job = await takenBatch("[1,2,3]");
    await settleOthers(q.db, q.schemas, [ended(job, "failed", { remaining: [1] })]);
    expect(await history(job.id)).toMatchObject([{ state: "failed", payload: [2] }]);
    expect((await q.row(job.id))?.payload).toEqual([2]);
  });

  test("leaves the other jobs of the same settlement as they are", async () => {
    const batch = await takenBatch("[1,2,3]");
    const other = await taken();
    await settleOthers(q.db, q.schemas, [
      ended(batch, "retrying", { remaining: [0] }),
      ended(other, "retrying"),
    ]);
    expect((await q.row(batch.id))?.payload).toEqual([1]);
    expect((await q.row(other.id))?.payload).toEqual({});
  });

  test("is not written by a process that has lost the job", async () => {
    const job = await takenBatch("[1,2,3]");
    await q.db.query("update graphile_worker._private_jobs set locked_by = 'other'");
    const left = ended(job, "retrying", { remaining: [0] });
    expect(await settleOthers(q.db, q.schemas, [left])).toEqual([]);
    expect((await q.row(job.id))?.payload).toEqual([1, 2, 3]);
  });

  test("leaves a payload that is no array any more alone", async () => {
    const job = await takenBatch("[1,2,3]");
    await q.db.query("update graphile_worker._private_jobs set payload = '{}'");
    await settleOthers(q.db, q.schemas, [ended(job, "retrying", { remaining: [0] })]);
    expect((await q.row(job.id))?.payload).toEqual({});
  });
});

describe("a job of which nothing is to be kept", () => {
  async function traces(id: string): Promise<number> {
    const { rows } = await q.db.query(
      `select (select count(*) from taskrun.history where job_id = $1)
         + (select count(*) from taskrun.attempts where job_id = $1)
         + (select count(*) from taskrun.steps where job_id = $1)
         + (select count(*) from taskrun.logs where job_id = $1)
         + (select count(*) from taskrun.job_details where job_id = $1) as count`,
      [id],
    );
    return Number(rows[0].count);
  }

  /** It has failed for good before, with a step done, and was retried. */
  async function takenAgain(): Promise<QueueJob> {
    const job = await taken({ queue: "line", metadata: { a: 1 }, max_attempts: 1 });
    await settleOthers(q.db, q.schemas, [ended(job, "failed")]);
    await q.db.query(
      `with step as (
         insert into taskrun.steps (job_id, name, attempt, started_at) values ($1, 's', 1, now())
       ), line as (
         insert into taskrun.logs (job_id, attempt, logged_at, level, message)
         values ($1, 1, now(), 'info', 'hello')
       ) update graphile_worker._private_jobs set attempts = 0`,
      [job.id],
    );
    const [again] = await q.take("p");
    if (again === undefined) throw new Error("it was not due");
    expect(await traces(job.id)).toBe(5);
    return again;
  }

  test("leaves the queue when it completes, without a record of any attempt", async () => {
    const job = await takenAgain();
    const other = await taken();
    const batch = [completed(job, { traceless: true }), completed(other)];
    expect(await settleCompleted(q.db, q.schemas, batch)).toBe(2);
    expect(await q.row(job.id)).toBeUndefined();
    expect(await traces(job.id)).toBe(0);
    expect(await history(other.id)).toHaveLength(1);
    expect(await q.lockedQueues()).toEqual([]);
  });

  for (const state of ["cancelled", "failed"] as const) {
    test(`leaves the queue when it is ${state}, without a record of any attempt`, async () => {
      const job = await takenAgain();
      const batch = [ended(job, state, { traceless: true })];
      expect(await settleOthers(q.db, q.schemas, batch)).toEqual([{ id: job.id, state }]);
      expect(await q.row(job.id)).toBeUndefined();
      expect(await traces(job.id)).toBe(0);
      expect(await q.lockedQueues()).toEqual([]);
    });
  }

  test("stays untouched when another process has it", async () => {
    const job = await takenAgain();
    await q.db.query("update graphile_worker._private_jobs set locked_by = 'other'");
    expect(await settleCompleted(q.db, q.schemas, [completed(job, { traceless: true })])).toBe(0);
    const batch = [ended(job, "failed", { traceless: true })];
    expect(await settleOthers(q.db, q.schemas, batch)).toEqual([]);
    expect(await traces(job.id)).toBe(5);
    expect(await q.row(job.id)).toMatchObject({ locked_by: "other" });
  });
});
