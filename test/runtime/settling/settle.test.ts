import { once } from "node:events";
import type pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { PermanentError, RetryableError } from "../../../src/core/task-errors.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import { type DispatcherKit, dispatcherKit } from "../../support/dispatcher-kit.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { countLocks } from "../../support/test-runtime.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

interface Payload {
  readonly do: "complete" | "fail" | "retry" | "snooze" | "cancel";
  readonly output?: unknown;
}

/** A task that ends as its payload says. */
function obey(payload: Payload, ctx: TaskContext): unknown {
  if (payload.do === "fail") throw new PermanentError("told to fail");
  // So late that no drain finds it due, however slow the machine is.
  if (payload.do === "retry") throw new RetryableError("told to retry", { after: "1h" });
  if (payload.do === "snooze") return ctx.snooze("1h");
  return payload.do === "cancel" ? ctx.cancel("told to") : payload.output;
}

/** Runs all that is due on that pool. */
async function drained(db: pg.Pool = q.db, concurrency = 10): Promise<DispatcherKit> {
  const d = dispatcherKit(q, { handler: obey, db, options: { concurrency } });
  d.dispatcher.start();
  await d.dispatcher.untilDrained();
  await d.stop();
  return d;
}

/** The pool, but each statement whose text and values match meets that error first or instead. */
function failing(match: RegExp, fail: (landed: boolean) => Error | null): pg.Pool {
  const query = async (config: pg.QueryConfig, values?: unknown[]) => {
    if (!match.test(JSON.stringify(config))) return q.db.query(config, values);
    const before = fail(false);
    if (before !== null) throw before;
    const result = await q.db.query(config);
    const after = fail(true);
    if (after !== null) throw after;
    return result;
  };
  return new Proxy(q.db, {
    get: (target, key) => (key === "query" ? query : Reflect.get(target, key, target)),
  });
}

describe("a reply that is lost after the outcome has landed", () => {
  const kinds: Payload["do"][] = ["complete", "fail", "retry", "snooze", "cancel"];
  for (const kind of kinds) {
    for (const options of [{}, { queue: "line" }]) {
      const where = "queue" in options ? "in a serial queue" : "alone";
      test(`is no loss: ${kind} ${where} counts once`, async () => {
        const id = await q.add(options, { do: kind });
        let lost = false;
        const db = failing(/taskrun settle/, (landed) => {
          if (!landed || lost) return null;
          lost = true;
          return new Error("Connection terminated unexpectedly");
        });
        const { settler } = await drained(db);
        expect(lost).toBe(true);
        const { lost: lostCount, ...counts } = settler.counts;
        expect(lostCount).toBe(0);
        expect(Object.values(counts).reduce((sum, n) => sum + n)).toBe(1);
        const { rows } = await q.db.query("select count(*)::int as n from taskrun.attempts");
        expect(rows[0].n).toBe(kind === "fail" || kind === "retry" ? 1 : 0);
        expect(await countLocks(q.kit)).toBe(0);
        expect(await q.kit.job(id)).not.toBeNull();
      });
    }
  }
});

test("outcomes wait while the database is away, and while it lacks a permission or a table", async () => {
  for (const code of ["57P01", "ECONNREFUSED", "42501", "42P01", "28P01"]) {
    const id = await q.add({}, { do: "complete", output: "kept" });
    let left = 2;
    const db = failing(/taskrun settle/, (landed) => {
      if (landed || left === 0) return null;
      left -= 1;
      return Object.assign(new Error("not now"), { code });
    });
    const { settler } = await drained(db);
    expect(settler.counts).toMatchObject({ completed: 1, failed: 0, lost: 0 });
    expect(await q.kit.job(id)).toMatchObject({ state: "completed", output: "kept" });
  }
});

test("a batch that takes longer than a statement may is settled in pieces", async () => {
  for (let n = 0; n < 40; n += 1) await q.add({}, { do: "complete", output: n });
  const sizes: number[] = [];
  const db = failing(/taskrun settle/, () => null);
  const slow = new Proxy(db, {
    get: (target, key) => {
      if (key !== "query") return Reflect.get(target, key, target);
      return async (config: pg.QueryConfig, values?: unknown[]) => {
        if (config.name !== "taskrun settle plain") return target.query(config, values);
        const size = String(config.values?.[2]).split(",").length;
        sizes.push(size);
        if (size <= 10) return target.query(config, values);
        throw Object.assign(new Error("canceling statement due to statement timeout"), {
          code: "57014",
        });
      };
    },
  });
  const { settler } = await drained(slow, 40);
  expect(settler.counts).toMatchObject({ completed: 40, failed: 0, lost: 0 });
  expect(Math.max(...sizes)).toBeGreaterThan(10);
  expect(await countLocks(q.kit)).toBe(0);
});

test("a row the database refuses is failed with its reason, and the others of its batch land", async () => {
  for (let n = 0; n < 50; n += 1) await q.add({}, { do: "complete", output: n === 20 ? "bad" : n });
  await q.db.query(
    `create function refuse() returns trigger language plpgsql as $$
     begin
       if new.output::text = '"bad"' then raise 'no bad outputs here'; end if;
       return new;
     end $$`,
  );
  await q.db.query(
    "create trigger refuse before insert on taskrun.history for each row execute function refuse()",
  );
  const { settler, lines } = await drained();
  expect(settler.counts).toMatchObject({ completed: 49, failed: 1, lost: 0 });
  const { rows } = await q.db.query("select error from taskrun.jobs where state = 'failed'");
  expect(rows[0].error).toMatch(/no bad outputs here/);
  expect(lines).toContainEqual(
    expect.objectContaining({ jobId: "21", msg: "the database refused an outcome" }),
  );
  expect(await countLocks(q.kit)).toBe(0);
});

test("a job with the id of one that ended before completes, and replaces the old record", async () => {
  const id = await q.add({}, { do: "complete", output: "new" });
  await q.db.query(
    `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority, created_at,
       run_at, finished_at) values ($1, 'old', 'failed', 1, 1, 0, now(), now(), now())`,
    [id],
  );
  await drained();
  expect(await q.kit.job(id)).toMatchObject({ task: "t", state: "completed", output: "new" });
});

test("NUL characters and halves of pairs in reasons, errors and outputs are stored in a way", async () => {
  const odd = "a\0b\ud800c";
  const handler = (payload: Payload, ctx: TaskContext) => {
    if (payload.do === "fail") throw new PermanentError(odd);
    if (payload.do === "retry") throw Object.assign(new Error(odd), { name: odd, stack: odd });
    if (payload.do === "snooze") return ctx.snooze("1h", odd);
    return payload.do === "cancel" ? ctx.cancel(odd) : { [odd]: odd };
  };
  // The one that is retried isn't due again while this drains.
  const retry = { type: "fixed", interval_ms: 3_600_000 };
  for (const kind of ["complete", "fail", "retry", "snooze", "cancel"])
    await q.add({ retry }, { do: kind });
  const d = dispatcherKit(q, { handler });
  d.dispatcher.start();
  await d.dispatcher.untilDrained();
  await d.stop();
  expect(d.settler.counts).toMatchObject({
    completed: 1,
    failed: 1,
    retrying: 1,
    snoozed: 1,
    cancelled: 1,
    lost: 0,
  });
  const { rows } = await q.db.query("select state, error, output from taskrun.jobs order by id");
  expect(rows[1]).toMatchObject({ state: "failed", error: "a\ufffdb\ufffdc" });
  expect(rows[4]).toMatchObject({ state: "cancelled", error: "a\ufffdb\ufffdc" });
});

test("progress with a message that Postgres refuses doesn't fail the job that reports it", async () => {
  const handler = async (_payload: unknown, ctx: TaskContext) => {
    await ctx.progress(1, 2, "half\0 done \ud800");
    return "done";
  };
  const id = await q.add();
  const d = dispatcherKit(q, { handler });
  d.dispatcher.start();
  await d.dispatcher.untilDrained();
  await d.stop();
  expect(await q.kit.job(id)).toMatchObject({
    state: "completed",
    progress: { done: 1, total: 2, message: "half\ufffd done \ufffd" },
  });
});

test("a payload with an escaped NUL, added by raw SQL, reaches its handler and its record", async () => {
  const { rows } = await q.db.query(
    `select id from graphile_worker.add_job('t', '{"do":"complete","x":"a\\u0000b"}'::json)`,
  );
  const { settler } = await drained();
  expect(settler.counts).toMatchObject({ completed: 1, lost: 0 });
  expect(await q.kit.job(rows[0].id)).toMatchObject({
    state: "completed",
    payload: '{"do":"complete","x":"a\\u0000b"}',
  });
});

test("a listener that throws changes no outcome", async () => {
  const id = await q.add({}, { do: "complete", output: 1 });
  const d = dispatcherKit(q, { handler: obey });
  d.events.on("attempt:finished", () => {
    throw new Error("a broken listener");
  });
  d.dispatcher.start();
  await d.dispatcher.untilDrained();
  await d.stop();
  expect(d.settler.counts).toMatchObject({ completed: 1, failed: 0, lost: 0 });
  expect(await q.kit.job(id)).toMatchObject({ state: "completed" });
});

test("an outcome of a job that was given away is reported lost, once", async () => {
  const lost: { job: QueueJob; state: string }[] = [];
  const handler = async (_payload: unknown, ctx: TaskContext) => {
    await q.db.query("update graphile_worker._private_jobs set locked_by = 'other' where id = $1", [
      ctx.jobId,
    ]);
    return "late";
  };
  const id = await q.add();
  const d = dispatcherKit(q, { handler });
  d.events.on("attempt:lost", (event) => lost.push(event as (typeof lost)[number]));
  d.dispatcher.start();
  await d.dispatcher.untilDrained();
  await d.stop();
  expect(lost).toMatchObject([{ job: { id }, state: "completed" }]);
  expect(d.settler.counts).toMatchObject({ completed: 0, lost: 1 });
  expect(await q.row(id)).toMatchObject({ locked_by: "other" });
});

test("stop gives up at its deadline, says so, and tells how many were not written", async () => {
  await q.add({}, { do: "complete" });
  const db = failing(/taskrun settle/, () => Object.assign(new Error("away"), { code: "57P01" }));
  const d = dispatcherKit(q, { handler: obey, db });
  const waiting = once(d.events, "database:waiting");
  d.dispatcher.start();
  await waiting;
  await d.dispatcher.stopFetching();
  const idle = d.settler.idle();
  expect(await d.settler.stop(20)).toBe(false);
  await idle;
  expect(d.settler.backlog).toBe(0);
  expect(d.lines).toContainEqual(
    expect.objectContaining({ jobs: 1, msg: "stopped before outcomes were written" }),
  );
});
