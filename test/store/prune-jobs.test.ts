import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pruneDue, pruneJobs, pruneOnceResults } from "../../src/store/prune-jobs.ts";
import { type QueueKit, queueKit } from "../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const day = 86_400_000;

interface Retain {
  readonly completed: number | null;
  readonly cancelled: number | null;
  readonly failed: number | null;
}

/** What a process says of a task when it starts. */
async function publish(task: string, { completed, cancelled, failed }: Retain): Promise<void> {
  await q.db.query(
    `insert into taskrun.tasks (name, task, retain_completed_ms, retain_cancelled_ms,
       retain_failed_ms) values ($1, $1, $2, $3, $4)
     on conflict (name) do update set retain_completed_ms = excluded.retain_completed_ms,
       retain_cancelled_ms = excluded.retain_cancelled_ms,
       retain_failed_ms = excluded.retain_failed_ms`,
    [task, completed, cancelled, failed],
  );
}

let nextId = 1_000_000;

/** A record with an attempt, a step and a line of log. */
async function finished(
  ago: string,
  { task = "t", state = "completed", id = String(nextId++) } = {},
): Promise<string> {
  await q.db.query(
    `with moment as (select now() - $2::interval as t), step as (
       insert into taskrun.steps (job_id, name, attempt, started_at) select $1, 's', 1, t from moment
     ), line as (
       insert into taskrun.logs (job_id, attempt, logged_at, level, message)
       select $1, 1, t, 'info', 'hello' from moment
     ), attempt as (
       insert into taskrun.attempts (job_id, attempt, state, finished_at)
       select $1, 1, 'retrying', t from moment
     )
     insert into taskrun.history (job_id, task, state, payload, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     select $1, $3, $4, '{}', 1, 3, 0, t, t, t from moment`,
    [id, ago, task, state],
  );
  return id;
}

async function kept(table = "history"): Promise<string[]> {
  const { rows } = await q.db.query(`select distinct job_id from taskrun.${table} order by job_id`);
  return rows.map((row) => row.job_id);
}

/** A job that has failed for good, with the record of that. */
async function failedInQueue(ago: string): Promise<string> {
  const id = await q.add({ metadata: { a: 1 } });
  await q.db.query(
    "update graphile_worker._private_jobs set attempts = max_attempts where id = $1",
    [id],
  );
  return finished(ago, { id, state: "failed" });
}

/** Records of the history that statements have read since the last time this was asked. */
async function recordsRead(): Promise<number> {
  const { rows } = await q.db.query(`select pg_stat_force_next_flush(), pg_stat_clear_snapshot()`);
  expect(rows).toHaveLength(1);
  const read = await q.db.query(
    `select idx_tup_fetch + seq_tup_read as count from pg_stat_user_tables
     where relname = 'history'`,
  );
  return Number(read.rows[0].count);
}

describe("what is due", () => {
  test("goes by the defaults for tasks that nobody published", async () => {
    const stays = [
      await finished("23 hours"),
      await finished("23 hours", { state: "cancelled" }),
      await finished("6 days", { state: "failed" }),
    ];
    await finished("25 hours");
    await finished("25 hours", { state: "cancelled" });
    await finished("8 days", { state: "failed" });
    expect(await pruneDue(q.db, q.schemas)).toBe(3);
    for (const table of ["history", "attempts", "steps", "logs"]) {
      expect(await kept(table)).toEqual(stays);
    }
    expect(await pruneDue(q.db, q.schemas)).toBe(0);
  });

  test("goes by each task's own word on each outcome", async () => {
    await publish("short", { completed: 600_000, cancelled: 3_600_000, failed: null });
    await publish("long", { completed: null, cancelled: null, failed: 0 });
    const stays = [
      await finished("5 minutes", { task: "short" }),
      await finished("50 minutes", { task: "short", state: "cancelled" }),
      await finished("500 days", { task: "short", state: "failed" }),
      await finished("500 days", { task: "long" }),
    ];
    await finished("11 minutes", { task: "short" });
    await finished("70 minutes", { task: "short", state: "cancelled" });
    await finished("20 seconds", { task: "long", state: "failed" });
    expect(await pruneDue(q.db, q.schemas)).toBe(3);
    expect(await kept()).toEqual(stays);
  });

  test("is found anew when a policy changes, shorter or back to the default", async () => {
    await publish("t", { completed: 3 * day, cancelled: day, failed: day });
    await finished("2 days");
    const stays = await finished("2 days", { task: "other", state: "failed" });
    expect(await pruneDue(q.db, q.schemas)).toBe(0);
    await publish("t", { completed: day, cancelled: day, failed: day });
    expect(await pruneDue(q.db, q.schemas)).toBe(1);
    expect(await kept()).toEqual([stays]);
  });

  test("is found a day later at the latest when its record came late", async () => {
    expect(await pruneDue(q.db, q.schemas)).toBe(0);
    await finished("25 hours");
    expect(await pruneDue(q.db, q.schemas)).toBe(0);
    await q.db.query("update taskrun.prune_cursors set began_at = began_at - interval '1 day'");
    expect(await pruneDue(q.db, q.schemas)).toBe(1);
  });

  test("goes in bounded pieces, each a transaction of its own", async () => {
    await Promise.all(Array.from({ length: 25 }, () => finished("2 days")));
    const removed: number[] = [];
    for (let more = true; more; ) {
      const { rows } = await q.db.query("select * from taskrun.prune(10)");
      removed.push(rows[0].removed);
      more = rows[0].more;
    }
    expect(removed).toEqual([10, 10, 5]);
  });

  test("is not looked for while another process is at it", async () => {
    await finished("2 days");
    const other = await q.db.connect();
    await other.query("begin");
    expect((await other.query("select * from taskrun.prune()")).rows).toMatchObject([
      { removed: 1 },
    ]);
    expect(await pruneDue(q.db, q.schemas)).toBe(0);
    await other.query("rollback");
    other.release();
    expect(await pruneDue(q.db, q.schemas)).toBe(1);
  });

  test("is found without reading again what stays", async () => {
    await publish("long", { completed: null, cancelled: null, failed: null });
    await q.db.query(
      `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority,
         created_at, run_at, finished_at)
       select n, 'long', 'completed', 1, 3, 0, now(), now(), now() - n * interval '30 seconds'
       from generate_series(1, 50000) n`,
    );
    await q.db.query("analyze taskrun.history");
    await pruneDue(q.db, q.schemas);
    const before = await recordsRead();
    for (let minute = 0; minute < 3; minute++) await pruneDue(q.db, q.schemas);
    expect((await recordsRead()) - before).toBeLessThan(20);
    expect(await kept()).toHaveLength(50_000);
  });
});

describe("the queue", () => {
  test("loses a failed job with its details when its record goes", async () => {
    const old = await failedInQueue("8 days");
    const young = await failedInQueue("6 days");
    expect(await pruneDue(q.db, q.schemas)).toBe(1);
    expect(await q.row(old)).toBeUndefined();
    expect(await q.row(young)).toBeDefined();
    expect(await kept("job_details")).toEqual([young]);
  });

  test("keeps a failed job without a record: it is graphile-worker's own", async () => {
    const id = await failedInQueue("8 days");
    await q.db.query("delete from taskrun.history");
    expect(await pruneDue(q.db, q.schemas)).toBe(0);
    expect(await pruneJobs(q.db, q.schemas, { olderThanMs: 0, dryRun: false })).toMatchObject({
      failed: 0,
    });
    expect(await q.row(id)).toBeDefined();
  });

  test("keeps a job that runs again, with its record and its attempts", async () => {
    const id = await failedInQueue("8 days");
    await q.db.query("update graphile_worker._private_jobs set attempts = 0 where id = $1", [id]);
    expect(await pruneDue(q.db, q.schemas)).toBe(0);
    expect(await kept("attempts")).toEqual([id]);
    expect(await kept("steps")).toEqual([id]);
  });

  test("keeps a job that is being retried at this very moment", async () => {
    const id = await failedInQueue("8 days");
    const other = await q.db.connect();
    await other.query("begin");
    await other.query("update graphile_worker._private_jobs set attempts = 0 where id = $1", [id]);
    expect(await pruneDue(q.db, q.schemas)).toBe(0);
    await other.query("commit");
    other.release();
    expect(await q.row(id)).toMatchObject({ attempts: 0 });
    expect(await kept()).toEqual([id]);
  });
});

describe("what somebody chooses", () => {
  test("goes by age, state and task, aliases included; a dry run only counts", async () => {
    await publish("t", { completed: null, cancelled: null, failed: null });
    await q.db.query("insert into taskrun.tasks (name, task) values ('alias', 't')");
    await finished("2 hours");
    await finished("2 hours", { task: "alias" });
    const stays = [
      await finished("30 minutes"),
      await finished("2 hours", { state: "cancelled" }),
      await finished("2 hours", { task: "other" }),
    ];
    const choice = { olderThanMs: 3_600_000, state: "completed", task: "t" } as const;
    const counts = { completed: 2, failed: 0, cancelled: 0 };
    expect(await pruneJobs(q.db, q.schemas, { ...choice, dryRun: true })).toEqual(counts);
    expect(await kept()).toHaveLength(5);
    expect(await pruneJobs(q.db, q.schemas, { ...choice, dryRun: false })).toEqual(counts);
    expect(await kept()).toEqual(stays);
  });

  test("goes by the tasks' retention when no age is given", async () => {
    await publish("forever", { completed: null, cancelled: null, failed: null });
    const stays = [await finished("23 hours"), await finished("99 days", { task: "forever" })];
    await finished("25 hours");
    const counts = await pruneJobs(q.db, q.schemas, { olderThanMs: null, dryRun: false });
    expect(counts).toEqual({ completed: 1, failed: 0, cancelled: 0 });
    expect(await kept()).toEqual(stays);
  });

  test("may be more than one piece, with many that ended at the same moment", async () => {
    await q.db.query(
      `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority,
         created_at, run_at, finished_at)
       select n, 't', 'completed', 1, 3, 0, now(), now(), date_trunc('day', now()) - interval '3 days'
       from generate_series(1, 4500) n`,
    );
    const counts = await pruneJobs(q.db, q.schemas, { olderThanMs: day, dryRun: false });
    expect(counts.completed).toBe(4500);
    expect(await kept()).toEqual([]);
  });
});

test("results of ctx.once go when their time is over", async () => {
  await q.db.query(
    `insert into taskrun.once_results (key, job_id, attempt, process, keep_until)
     values ('over', 1, 1, 'p', now() - interval '1 second'),
       ('still', 1, 1, 'p', now() + interval '1 hour'), ('ever', 1, 1, 'p', null)`,
  );
  expect(await pruneOnceResults(q.db, q.schemas, true)).toBe(1);
  await pruneDue(q.db, q.schemas);
  const { rows } = await q.db.query("select key from taskrun.once_results order by key");
  expect(rows.map((row) => row.key)).toEqual(["ever", "still"]);
  await q.db.query("update taskrun.once_results set keep_until = now() - interval '1 s'");
  expect(await pruneOnceResults(q.db, q.schemas, false)).toBe(2);
});
