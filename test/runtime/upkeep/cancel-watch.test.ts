import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import type { CancelledError } from "../../../src/core/task-errors.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";
import { CancelWatch } from "../../../src/runtime/upkeep/cancel-watch.ts";
import { cancelJob, cancelJobs, retryJob } from "../../../src/store/operations.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { dispatcherKit, startPatiently } from "../../support/dispatcher-kit.ts";
import { queueKit } from "../../support/queue-kit.ts";
import { stopped } from "../../support/start-attempt.ts";
import { addManyBySql, signal, testRuntime } from "../../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let kit: TestRuntime;
const runtimes: Runtime[] = [];

afterEach(async () => {
  await Promise.all(runtimes.splice(0).map((runtime) => runtime.stop()));
  await kit?.stop();
});

async function start(config = {}): Promise<Runtime> {
  const runtime = kit.createRuntime(config);
  runtimes.push(runtime);
  await runtime.start();
  return runtime;
}

const cancel = (id: string, reason = "not wanted", requestedBy = "ann") =>
  cancelJob(kit.db, schemas, id, { reason, requestedBy });

const ended = (runtime: Runtime, id: string) =>
  new Promise<string>((resolve) => {
    runtime.events.on("attempt:finished", ({ job, state }) => {
      if (job.id === id) resolve(state);
    });
  });

async function count(table: string, where = "true"): Promise<number> {
  const { rows } = await kit.db.query(`select count(*)::int as n from ${table} where ${where}`);
  return rows[0].n;
}

const noRequests = () => expect.poll(() => count("taskrun.cancellations")).toBe(0);

describe("a running job", () => {
  test("is told to stop at once by another process, and ends as cancelled", async () => {
    const running = signal();
    const told = signal<number>();
    kit = await testRuntime({
      long: async (_: unknown, { signal: abort }: TaskContext) => {
        running.resolve();
        await stopped(abort);
        told.resolve(performance.now());
        throw abort.reason;
      },
    });
    // The regular look, which would find the request too, comes after a minute.
    const everyMs = 60_000;
    const runtime = await start({ heartbeatIntervalMs: everyMs, pollIntervalMs: everyMs });
    const { id } = await kit.enqueue("long");
    const end = ended(runtime, id);
    await running.promise;
    const askedAt = performance.now();
    expect(await cancel(id)).toBe("cancelling");
    expect((await told.promise) - askedAt).toBeLessThan(everyMs / 2);
    expect(await end).toBe("cancelled");
    expect(await kit.job(id)).toMatchObject({
      state: "cancelled",
      error: "not wanted (cancelled by ann)",
      attempts: 1,
      process: runtime.processId,
    });
    await noRequests();
    expect(await count("graphile_worker._private_jobs")).toBe(0);
  });

  test("learns the reason, and is cancelled also if it completes after that", async () => {
    const running = signal();
    const reason = signal<CancelledError>();
    kit = await testRuntime({
      long: async (_: unknown, { signal: abort }: TaskContext) => {
        running.resolve();
        await stopped(abort);
        reason.resolve(abort.reason);
        return "done all the same";
      },
    });
    const runtime = await start();
    const { id } = await kit.enqueue("long");
    const end = ended(runtime, id);
    await running.promise;
    await cancel(id);
    expect(await reason.promise).toMatchObject({
      name: "CancelledError",
      reason: "not wanted (cancelled by ann)",
    });
    expect(await end).toBe("cancelled");
    expect(await kit.job(id)).toMatchObject({ state: "cancelled", output: null });
  });

  test("that hears nothing is cancelled after the grace", async () => {
    const running = signal();
    kit = await testRuntime({
      deaf: () => {
        running.resolve();
        return new Promise(() => {});
      },
    });
    const runtime = await start({ timeoutGraceMs: 50 });
    const { id } = await kit.enqueue("deaf");
    const end = ended(runtime, id);
    await running.promise;
    await cancel(id);
    expect(await end).toBe("cancelled");
    await noRequests();
  });

  test("is told by its own process alone", async () => {
    const runs = new Map<string, TaskContext>();
    const mayEnd = signal();
    const both = signal();
    kit = await testRuntime({
      long: async (_: unknown, ctx: TaskContext) => {
        runs.set(ctx.jobId, ctx);
        if (runs.size === 2) both.resolve();
        await Promise.race([mayEnd.promise, stopped(ctx.signal)]);
      },
    });
    const one = await start({ concurrency: 1 });
    const other = await start({ concurrency: 1 });
    const ids = [(await kit.enqueue("long")).id, (await kit.enqueue("long")).id];
    await both.promise;
    const [cancelled = "", kept = ""] = ids;
    const ends = [one, other].map((runtime) =>
      Promise.race(ids.map(async (id) => `${id} ${await ended(runtime, id)}`)),
    );
    await cancel(cancelled);
    await Promise.race(ends);
    await noRequests();
    expect(runs.get(kept)?.signal.aborted).toBe(false);
    mayEnd.resolve();
    expect((await Promise.all(ends)).toSorted()).toEqual([
      `${cancelled} cancelled`,
      `${kept} completed`,
    ]);
  });

  test("is told when its process listens again, if the message came in between", async () => {
    const running = signal();
    kit = await testRuntime({
      long: async (_: unknown, { signal: abort }: TaskContext) => {
        running.resolve();
        await stopped(abort);
      },
    });
    const runtime = await start();
    const { id } = await kit.enqueue("long");
    const end = ended(runtime, id);
    await running.promise;
    // The message is lost: nobody listens when it is sent.
    await kit.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'taskrun listen' and datname = current_database()`,
    );
    await kit.db.query(
      "insert into taskrun.cancellations (job_id, reason) values ($1, 'not wanted')",
      [id],
    );
    expect(await end).toBe("cancelled");
  });
});

test("a job that was taken ahead is cancelled without having started", async () => {
  const mayEnd = signal();
  const running = signal();
  const ran: string[] = [];
  const queue = await queueKit();
  kit = queue.kit;
  const ids = [await queue.add(), await queue.add({ max_attempts: 1 })];
  const processId = "taskrun-1-aa";
  let fetched = false;
  const { dispatcher, events, ...ahead } = dispatcherKit(queue, {
    handler: async (_: unknown, ctx: { jobId: string }) => {
      ran.push(ctx.jobId);
      running.resolve();
      await mayEnd.promise;
    },
    options: { concurrency: 1 },
    fetch: async () => {
      if (fetched) return [];
      fetched = true;
      return queue.take(processId, 2);
    },
  });
  const options = { db: kit.db, schemas, logger: pino({ level: "silent" }), dispatcher };
  const watch = new CancelWatch({ ...options, processId: () => processId });
  events.on("attempt:finished", ({ job }) => watch.settled([{ job }]));
  startPatiently(dispatcher);
  await running.promise;
  const [first = "", waiting = ""] = ids;
  expect(await cancel(waiting)).toBe("cancelling");
  watch.look();
  await noRequests();
  expect(await kit.job(waiting)).toMatchObject({
    state: "cancelled",
    error: "not wanted (cancelled by ann)",
    attempts: 0,
  });
  mayEnd.resolve();
  await dispatcher.untilIdle();
  await ahead.stop();
  expect(ran).toEqual([first]);
  expect(await kit.job(first)).toMatchObject({ state: "completed" });
});

test("a job whose fetch has not been answered yet is told as soon as it is", async () => {
  const queue = await queueKit();
  kit = queue.kit;
  const id = await queue.add();
  const processId = "taskrun-1-aa";
  const answered = signal();
  const told = signal<Error>();
  const { dispatcher, ...rest } = dispatcherKit(queue, {
    handler: async (_: unknown, { signal: abort }: { signal: AbortSignal }) => {
      await stopped(abort);
      told.resolve(abort.reason);
    },
    fetch: async (limit) => {
      const jobs = await queue.take(processId, limit);
      if (jobs.length > 0) await answered.promise;
      return jobs;
    },
  });
  const options = { db: kit.db, schemas, logger: pino({ level: "silent" }), dispatcher };
  const watch = new CancelWatch({ ...options, processId: () => processId });
  dispatcher.start();
  await expect.poll(async () => (await kit.job(id))?.state).toBe("running");
  await cancel(id);
  watch.look();
  answered.resolve();
  expect(await told.promise).toMatchObject({ name: "CancelledError" });
  await rest.stop();
  expect(await kit.job(id)).toMatchObject({ state: "cancelled" });
});

test("a cancel while the attempt ends leaves each job with one ending, and no request", async () => {
  const rounds = 150;
  const waiting = new Map<string, () => void>();
  const kinds = ["completes", "throws", "fails", "snoozes"] as const;
  kit = await testRuntime({
    end: {
      retry: { maxAttempts: 50, baseDelay: 0 },
      handler: async ({ kind }: { kind: (typeof kinds)[number] }, ctx: TaskContext) => {
        await new Promise<void>((resolve) => waiting.set(ctx.jobId, resolve));
        if (kind === "throws") throw new Error("again");
        if (kind === "fails") throw new Error("PERMANENT: never");
        return kind === "snoozes" ? ctx.snooze(0) : "done";
      },
    },
  });
  await start();
  await start();
  const ids: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { id } = await kit.enqueue("end", { kind: kinds[round % kinds.length] });
    ids.push(id);
    await expect.poll(() => waiting.has(id), { interval: 1 }).toBe(true);
    const release = () => waiting.get(id)?.();
    const asked = cancel(id);
    // From well before the request lands to well after it.
    if (round % 3 === 0) release();
    else if (round % 3 === 1) setImmediate(release);
    else setTimeout(release, round % 7);
    expect(["cancelling", "cancelled", "completed", "failed"]).toContain(await asked);
  }
  await noRequests();
  // What threw or snoozed before it was cancelled may have begun again: then it was told.
  await expect
    .poll(() => count("taskrun.jobs", "state not in ('completed', 'failed', 'cancelled')"))
    .toBe(0);
  const { rows } = await kit.db.query(
    `select h.job_id::text as id, count(*)::int as records, min(state) as state,
       min(payload ->> 'kind') as kind from taskrun.history h group by 1`,
  );
  expect(rows.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  for (const { records, state, kind } of rows) {
    expect(records).toBe(1);
    const ends: Record<string, string[]> = { completes: ["completed"], fails: ["failed"] };
    expect([...(ends[kind] ?? []), "cancelled"]).toContain(state);
  }
  expect(new Set(rows.map(({ state }) => state)).size).toBeGreaterThan(1);
});

test("cancelling all jobs while two processes work them off leaves each with one ending", async () => {
  const jobs = 3000;
  const some = signal();
  let begun = 0;
  kit = await testRuntime({
    work: async (_: unknown, { signal: abort }: TaskContext) => {
      begun += 1;
      if (begun === 200) some.resolve();
      await Promise.race([stopped(abort), new Promise((resolve) => setTimeout(resolve, 20))]);
    },
  });
  await addManyBySql(kit, "work", jobs);
  await start();
  await start();
  await some.promise;
  // Twice at the same time, as two people would.
  const changed = await Promise.all([
    cancelJobs(kit.db, schemas, { all: true }, { reason: "not wanted" }),
    cancelJobs(kit.db, schemas, { all: true }, { reason: "not wanted" }),
  ]);
  expect(changed.flat().length).toBeGreaterThan(0);
  await expect.poll(() => count("graphile_worker._private_jobs")).toBe(0);
  await noRequests();
  const { rows } = await kit.db.query(
    `select count(*)::int as records, count(distinct job_id)::int as jobs,
       count(*) filter (where state not in ('completed', 'cancelled'))::int as others
     from taskrun.history`,
  );
  expect(rows).toEqual([{ records: jobs, jobs, others: 0 }]);
  expect(await count("taskrun.history", "state = 'completed'")).toBeGreaterThan(0);
  expect(await count("taskrun.history", "state = 'cancelled'")).toBeGreaterThan(0);
});

test("a cancelled job that is retried runs again in any process, under its id", async () => {
  const running = signal();
  let runs = 0;
  kit = await testRuntime({
    long: async (_: unknown, { signal: abort }: TaskContext) => {
      runs += 1;
      if (runs > 1) return "second run";
      running.resolve();
      await stopped(abort);
      return null;
    },
  });
  const runtime = await start();
  const { id } = await kit.enqueue("long");
  const first = ended(runtime, id);
  await running.promise;
  await cancel(id);
  expect(await first).toBe("cancelled");
  const second = ended(runtime, id);
  expect(await retryJob(kit.db, schemas, id)).toBe(id);
  expect(await second).toBe("completed");
  expect(await kit.job(id)).toMatchObject({ output: "second run", error: null, attempts: 1 });
  expect(await count("taskrun.history")).toBe(1);
});
