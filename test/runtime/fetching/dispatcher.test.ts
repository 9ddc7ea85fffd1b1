import type pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Dispatcher } from "../../../src/runtime/fetching/dispatcher.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type DispatcherKit, dispatcherKit, startPatiently } from "../../support/dispatcher-kit.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { addManyBySql, countLocks, signal, testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
afterEach(() => kit?.stop());

test("while it pauses, a process takes no jobs and holds none that it hasn't started", async () => {
  const started = signal();
  const mayEnd = signal();
  let runs = 0;
  kit = await testRuntime({
    work: async () => {
      runs += 1;
      started.resolve();
      await mayEnd.promise;
    },
  });
  await addManyBySql(kit, "work", 50);
  const runtime = kit.createRuntime({ concurrency: 1 });
  await runtime.start();
  await started.promise;
  await runtime.pause();
  expect(runtime.paused).toBe(true);
  mayEnd.resolve();
  const ended = new Promise<void>((resolve) => {
    runtime.events.once("attempt:finished", () => resolve());
  });
  if (runtime.running > 0) await ended;
  // Fifty jobs are due: a process that fetched would start them before this statement ends.
  await kit.db.query("select pg_sleep(0.2)");
  expect(runs).toBe(1);
  // The one that ran may still be on its way into the history.
  await expect.poll(() => countLocks(kit)).toBe(0);
  const { rows } = await kit.db.query(
    "select sum(attempts)::int as attempts from graphile_worker._private_jobs",
  );
  expect(rows[0].attempts).toBe(0);
  runtime.resume();
  expect(runtime.paused).toBe(false);
  await runtime.drain();
  expect(runs).toBe(50);
  await runtime.stop();
});

describe("between one statement and the next", () => {
  let q: QueueKit;
  let d: DispatcherKit | undefined;
  beforeEach(async () => {
    q = await queueKit();
  });
  afterEach(async () => {
    await d?.stop();
    d = undefined;
    await q.stop();
  });

  test("a job fetched again while its last outcome is being sent anew runs once more, not twice", async () => {
    let runs = 0;
    let atOnce = 0;
    let most = 0;
    const replyLost = signal();
    const handler = async (_payload: unknown, ctx: { snooze(delay: number): unknown }) => {
      runs += 1;
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setTimeout(resolve, runs > 1 ? 300 : 0));
      atOnce -= 1;
      return runs === 1 ? ctx.snooze(0) : "done";
    };
    d = dispatcherKit(q, { handler, db: losingReply(q.db, "settle others", replyLost.resolve) });
    const id = await q.add();
    d.dispatcher.start();
    await replyLost.promise;
    // Before the settler sends it again: the job is due, and taken by the same process.
    d.dispatcher.wake();
    await d.dispatcher.untilDrained();
    expect({ runs, most }).toEqual({ runs: 2, most: 1 });
    expect(await q.kit.job(id)).toMatchObject({ state: "completed", output: "done", attempts: 1 });
    expect(await countLocks(q.kit)).toBe(0);
    expect(d.settler.counts.lost).toBe(0);
  });

  test("jobs of a fetch that was under way when the process stopped are given back", async () => {
    const asked = signal();
    const answer = signal();
    let runs = 0;
    const fetch = async (limit: number) => {
      const jobs = await q.take("p", limit);
      asked.resolve();
      await answer.promise;
      return jobs;
    };
    d = dispatcherKit(q, {
      handler: () => {
        runs += 1;
      },
      fetch,
    });
    await addManyBySql(q.kit, "t", 5);
    d.dispatcher.start();
    await asked.promise;
    const stopped = d.dispatcher.stopFetching();
    answer.resolve();
    await stopped;
    await d.settler.idle();
    expect(runs).toBe(0);
    expect(await countLocks(q.kit)).toBe(0);
    const { rows } = await q.db.query(
      "select distinct attempts from graphile_worker._private_jobs",
    );
    expect(rows).toEqual([{ attempts: 0 }]);
  });

  test("any number of notifications during a fetch cost one more fetch", async () => {
    const asked = signal();
    const answer = signal();
    const fetch = async (limit: number) => {
      asked.resolve();
      await answer.promise;
      return q.take("p", limit);
    };
    d = dispatcherKit(q, { handler: () => null, fetch });
    d.dispatcher.start();
    await asked.promise;
    for (let n = 0; n < 1000; n += 1) d.dispatcher.wake();
    answer.resolve();
    await d.dispatcher.untilDrained();
    expect(d.fetches).toBe(2);
  });

  test("while all slots are busy, neither notifications nor the poll ask the database", async () => {
    const started = signal();
    const mayEnd = signal();
    const handler = async () => {
      started.resolve();
      await mayEnd.promise;
    };
    d = dispatcherKit(q, { handler, options: { concurrency: 1 } });
    await addManyBySql(q.kit, "t", 3);
    d.dispatcher.start();
    await started.promise;
    const before = d.fetches;
    for (let n = 0; n < 10; n += 1) d.dispatcher.wake();
    expect(d.fetches).toBe(before);
    mayEnd.resolve();
    await d.dispatcher.untilDrained();
    expect(d.settler.counts.completed).toBe(3);
  });

  /** One slot that is taken, and two jobs behind it that have been fetched already. */
  async function withTwoWaiting(
    mayEnd: Promise<void>,
    ran: string[],
    start: (dispatcher: Dispatcher) => void = startPatiently,
  ): Promise<DispatcherKit> {
    const started = signal();
    let first = true;
    const fetch = async (limit: number) => {
      const jobs = first ? await q.take("p", 3) : await q.take("q", limit);
      first = false;
      return jobs;
    };
    const handler = async (_payload: unknown, ctx: { jobId: string }) => {
      ran.push(ctx.jobId);
      started.resolve();
      await mayEnd;
    };
    await addManyBySql(q.kit, "t", 3);
    const kit = dispatcherKit(q, { handler, fetch, options: { concurrency: 1 } });
    start(kit.dispatcher);
    await started.promise;
    return kit;
  }

  async function untilReturned(kit: DispatcherKit, count: number): Promise<void> {
    let seen = kit.settler.counts.returned;
    if (seen >= count) return;
    await new Promise<void>((resolve) => {
      kit.events.on("attempt:finished", ({ state }) => {
        if (state === "returned") seen += 1;
        if (seen >= count) resolve();
      });
    });
  }

  test("jobs taken ahead go back when they can't be started soon", async () => {
    const mayEnd = signal();
    const ran: string[] = [];
    d = await withTwoWaiting(mayEnd.promise, ran, (dispatcher) => dispatcher.start());
    await untilReturned(d, 2);
    expect(await countLocks(q.kit)).toBe(1);
    mayEnd.resolve();
    await d.dispatcher.untilDrained();
    expect(ran.toSorted()).toEqual(["1", "2", "3"]);
    expect(d.settler.counts).toMatchObject({ completed: 3, returned: 2, lost: 0 });
  });

  test("jobs that wait here go back at once when they are held back", async () => {
    const mayEnd = signal();
    let held: ((job: QueueJob) => boolean) | null = null;
    const started = signal();
    const handler = async () => {
      started.resolve();
      await mayEnd.promise;
    };
    const fetch = async () => ((d?.fetches ?? 0) === 1 ? q.take("p", 10) : []);
    d = dispatcherKit(q, {
      handler,
      fetch,
      options: { concurrency: 1, heldBack: () => held },
    });
    await addManyBySql(q.kit, "t", 10);
    startPatiently(d.dispatcher);
    await started.promise;
    held = (job) => job.id !== "10";
    d.dispatcher.gatesChanged();
    // The one that runs stays, and so does the one that isn't held.
    expect(d.settler.backlog).toBe(8);
    mayEnd.resolve();
    await d.dispatcher.untilDrained();
    expect(d.settler.counts).toMatchObject({ completed: 2, returned: 8 });
    const { rows } = await q.db.query(
      "select sum(attempts)::int as attempts from graphile_worker._private_jobs",
    );
    expect(rows).toEqual([{ attempts: 0 }]);
  });

  test("one that is ended where it waits never starts", async () => {
    const mayEnd = signal();
    const ran: string[] = [];
    d = await withTwoWaiting(mayEnd.promise, ran);
    d.dispatcher.endWaiting("2", { state: "cancelled", reason: "not wanted" });
    // Neither the one that runs nor one that isn't here is touched.
    d.dispatcher.endWaiting("1", { state: "cancelled", reason: "not wanted" });
    d.dispatcher.endWaiting("99", { state: "cancelled", reason: "not wanted" });
    mayEnd.resolve();
    await d.dispatcher.untilDrained();
    expect(ran.toSorted()).toEqual(["1", "3"]);
    expect(await q.kit.job("2")).toMatchObject({ state: "cancelled", error: "not wanted" });
  });

  test("jobs whose locks are void are not started", async () => {
    const mayEnd = signal();
    const ran: string[] = [];
    d = await withTwoWaiting(mayEnd.promise, ran);
    await q.db.query(
      "update graphile_worker._private_jobs set locked_by = null, locked_at = null where id > 1",
    );
    const [theirs] = await q.take("other", 1);
    d.dispatcher.dropWaiting();
    mayEnd.resolve();
    await d.dispatcher.untilDrained();
    expect(ran).not.toContain(theirs?.id);
    expect(await q.row(theirs?.id ?? "")).toMatchObject({ locked_by: "other", attempts: 2 });
  });

  test("a deep queue is worked off without giving jobs back as a rule", async () => {
    d = dispatcherKit(q, { handler: () => null });
    await addManyBySql(q.kit, "t", 40_000);
    d.dispatcher.start();
    await d.dispatcher.untilDrained();
    expect(d.settler.counts).toMatchObject({ completed: 40_000, lost: 0 });
    // A machine that stands still for half a second gives back what waits then: 3,000 at most.
    expect(d.settler.counts.returned).toBeLessThan(10_000);
  });

  test("between jobs that never wait the event loop goes round, and they are settled together", async () => {
    const jobs = 1000;
    let runs = 0;
    let runsBeforeNextTurn = 0;
    const handler = () => {
      runs += 1;
      if (runs === 1) setImmediate(() => (runsBeforeNextTurn = runs));
    };
    const batches: number[] = [];
    const query = (config: pg.QueryConfig) => {
      if (config.name === "taskrun settle plain") {
        batches.push(String(config.values?.[2]).split(",").length);
      }
      return q.db.query(config);
    };
    const db: pg.Pool = new Proxy(q.db, {
      get: (target, key) => (key === "query" ? query : Reflect.get(target, key, target)),
    });
    const fetch = async () => (d?.fetches === 1 ? q.take("p", jobs) : []);
    d = dispatcherKit(q, { handler, fetch, db });
    await addManyBySql(q.kit, "t", jobs);
    d.dispatcher.start();
    await d.dispatcher.untilDrained();
    expect(d.settler.counts.completed).toBe(jobs);
    expect(runsBeforeNextTurn).toBeGreaterThan(0);
    expect(runsBeforeNextTurn).toBeLessThan(jobs);
    expect(batches).toEqual([jobs]);
  });

  test("a job whose attempt can't be made fails with the reason, and no slot is lost", async () => {
    const createAttempt = () => {
      throw new Error("no such version");
    };
    d = dispatcherKit(q, { handler: () => null, options: { concurrency: 1, createAttempt } });
    await addManyBySql(q.kit, "t", 3);
    d.dispatcher.start();
    await d.dispatcher.untilDrained();
    expect(d.settler.counts.failed).toBe(3);
    expect(await q.kit.job("3")).toMatchObject({ state: "failed", error: "no such version" });
  });

  test("an attempt that falls to a fault of ours fails its job and frees its slot", async () => {
    const execute = () => Promise.reject(new Error("a broken layer"));
    d = dispatcherKit(q, { handler: () => null, options: { concurrency: 1, execute } });
    await addManyBySql(q.kit, "t", 2);
    d.dispatcher.start();
    await d.dispatcher.untilDrained();
    expect(await q.kit.job("2")).toMatchObject({ state: "failed", error: "a broken layer" });
  });

  test("a job of a task that was removed meanwhile is given back, uncounted", async () => {
    const fetch = async (limit: number) => (d?.fetches === 1 ? q.take("p", limit) : []);
    d = dispatcherKit(q, { handler: () => null, fetch, options: { findTask: () => undefined } });
    const id = await q.add();
    d.dispatcher.start();
    await d.dispatcher.untilDrained();
    expect(await q.row(id)).toMatchObject({ attempts: 0, locked_by: null });
  });

  test("an attempt that was abandoned frees its slot although its handler runs on", async () => {
    const started = signal();
    let runs = 0;
    const handler = () => {
      runs += 1;
      started.resolve();
      return runs === 1 ? new Promise(() => {}) : "next";
    };
    d = dispatcherKit(q, { handler, options: { concurrency: 1 } });
    await addManyBySql(q.kit, "t", 2);
    d.dispatcher.start();
    await started.promise;
    for (const attempt of d.dispatcher.running) {
      attempt.abandon({ state: "cancelled", reason: "enough" });
    }
    await d.dispatcher.untilDrained();
    expect(d.settler.counts).toMatchObject({ cancelled: 1, completed: 1 });
  });

  test("after a failed fetch the database is left alone for a while, whoever wakes us", async () => {
    const failed = signal();
    const again = signal();
    const fetch = async () => {
      if ((d?.fetches ?? 0) > 1) again.resolve();
      throw new Error("permission denied");
    };
    const onFetchError = () => failed.resolve();
    d = dispatcherKit(q, { handler: () => null, fetch, options: { onFetchError } });
    d.dispatcher.start();
    await failed.promise;
    await new Promise((resolve) => setImmediate(resolve));
    for (let n = 0; n < 100; n += 1) d.dispatcher.wake();
    expect(d.fetches).toBe(1);
    await again.promise;
  });

  test("when settling falls behind, no more than its backlog is started", async () => {
    const gate = signal();
    let started = 0;
    const db = gated(q.db, gate.promise);
    d = dispatcherKit(q, {
      handler: () => {
        started += 1;
      },
      db,
    });
    await addManyBySql(q.kit, "t", 7000);
    d.dispatcher.start();
    await until(() => (d?.settler.backlog ?? 0) >= 5000);
    await q.db.query("select pg_sleep(0.2)");
    expect(started).toBeLessThan(5100);
    gate.resolve();
    await d.dispatcher.untilDrained();
    expect(d.settler.counts).toMatchObject({ completed: 7000, lost: 0 });
  });
});

/** The pool, but the reply to the first statement of that name is lost after it has landed. */
function losingReply(db: pg.Pool, name: string, onLost: () => void): pg.Pool {
  let lost = false;
  return queryingBy(db, async (query, values) => {
    const result = await db.query(query, values);
    if (lost || !JSON.stringify(query).includes(name)) return result;
    lost = true;
    onLost();
    throw new Error("Connection terminated unexpectedly");
  });
}

/** The pool, but every statement waits until then. */
function gated(db: pg.Pool, open: Promise<void>): pg.Pool {
  return queryingBy(db, async (query, values) => {
    await open;
    return db.query(query, values);
  });
}

type Query = (config: pg.QueryConfig, values?: unknown[]) => Promise<unknown>;

function queryingBy(db: pg.Pool, query: Query): pg.Pool {
  return new Proxy(db, {
    get: (target, key) => (key === "query" ? query : Reflect.get(target, key, target)),
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
