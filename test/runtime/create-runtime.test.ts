import { afterEach, describe, expect, test, vi } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import { BusinessLogicError, PermanentError, RetryableError } from "../../src/core/task-errors.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, countLocks, signal, testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
afterEach(() => kit?.stop());

describe("a job's way through the queue", () => {
  test("a job added by SQL runs and leaves its output in the history", async () => {
    kit = await testRuntime({
      greet: async (payload: { name: string }) => `hello ${payload.name}`,
    });
    const id = await addBySql(kit, "greet", { name: "you" });
    expect(await kit.drain()).toMatchObject({ completed: 1, failed: 0, retrying: 0 });
    expect(await kit.job(id)).toMatchObject({
      id,
      task: "greet",
      state: "completed",
      output: "hello you",
      payload: { name: "you" },
      attempts: 1,
      error: null,
    });
    const { rows } = await kit.db.query("select 1 from graphile_worker._private_jobs");
    expect(rows).toHaveLength(0);
  });

  test("what was enqueued with it follows a job through its context into the history", async () => {
    let seen: Partial<TaskContext> = {};
    kit = await testRuntime({
      parent: async (_payload: unknown, ctx: TaskContext) => {
        seen = { correlationId: ctx.correlationId, metadata: ctx.metadata, key: ctx.key };
        return ctx.enqueue("child", { n: 1 });
      },
      child: async () => null,
    });
    const options = { correlationId: "c-1", createdBy: "ada", key: "k", metadata: { a: 1 } };
    const { id } = await kit.enqueue("parent", {}, options);
    await kit.drain();
    expect(seen).toEqual({ correlationId: "c-1", metadata: { a: 1 }, key: "k" });
    const parent = await kit.job(id);
    expect(parent).toMatchObject({ correlation_id: "c-1", created_by: "ada", metadata: { a: 1 } });
    const childId = (parent as { output: { id: string } }).output.id;
    expect(await kit.job(childId)).toMatchObject({ correlation_id: "c-1", parent_id: id });
    const { rows } = await kit.db.query("select 1 from taskrun.job_details");
    expect(rows).toHaveLength(0);
  });

  test("a job queued under an alias runs its task", async () => {
    kit = await testRuntime({ send_mail: { aliases: ["mail:send"], handler: async () => "sent" } });
    const id = await addBySql(kit, "mail:send");
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({ state: "completed", task: "mail:send" });
  });

  test("a job of a task this process lacks is left alone", async () => {
    kit = await testRuntime({ known: async () => null });
    const id = await addBySql(kit, "elsewhere");
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({ state: "pending", attempts: 0 });
  });
});

describe("each outcome in the database", () => {
  test("a retryable error is tried again after its delay, with a record of the attempt", async () => {
    kit = await testRuntime({
      flaky: async () => {
        throw new RetryableError("not yet", { after: "90s" });
      },
    });
    const { id } = await kit.enqueue("flaky");
    expect(await kit.drain()).toMatchObject({ retrying: 1 });
    expect(await kit.job(id)).toMatchObject({ state: "retrying", attempts: 1, error: "not yet" });
    const { rows } = await kit.db.query(
      `select a.*, extract(epoch from a.next_run_at - a.finished_at) as delay,
         j.run_at = a.next_run_at as same from taskrun.attempts a
       join graphile_worker._private_jobs j on j.id = a.job_id`,
    );
    expect(rows).toMatchObject([
      { attempt: 1, state: "retrying", error_name: "RetryableError", rule: "thrown-on-purpose" },
    ]);
    expect(Number(rows[0].delay)).toBeGreaterThan(89);
    // It counts from when the outcome is written, which may be a little later.
    expect(Number(rows[0].delay)).toBeLessThan(120);
    expect(rows[0].same).toBe(true);
  });

  test("a permanent error fails the job at once and leaves it in the queue as failed", async () => {
    kit = await testRuntime({
      doomed: async () => {
        throw new PermanentError("no such account");
      },
    });
    const id = await addBySql(kit, "doomed");
    expect(await kit.drain()).toMatchObject({ failed: 1 });
    expect(await kit.job(id)).toMatchObject({
      state: "failed",
      attempts: 1,
      error: "no such account",
    });
    const { rows } = await kit.db.query(
      "select attempts, max_attempts, last_error, locked_by from graphile_worker._private_jobs",
    );
    expect(rows).toEqual([
      { attempts: 25, max_attempts: 25, last_error: "no such account", locked_by: null },
    ]);
  });

  test("the last attempt of a retryable error is a failure", async () => {
    kit = await testRuntime({ bad: async () => Promise.reject(new Error("again")) });
    const { id } = await kit.enqueue("bad", {}, { maxAttempts: 1 });
    expect(await kit.drain()).toMatchObject({ failed: 1 });
    expect(await kit.job(id)).toMatchObject({ state: "failed", error: "again" });
  });

  test("a snoozed job is due later and its attempt does not count", async () => {
    kit = await testRuntime({ nap: async (_p: unknown, ctx: TaskContext) => ctx.snooze("5m") });
    const { id } = await kit.enqueue("nap");
    expect(await kit.drain()).toMatchObject({ snoozed: 1 });
    expect(await kit.job(id)).toMatchObject({ state: "scheduled", attempts: 0, error: null });
  });

  test("a cancelled job leaves the queue with its reason", async () => {
    kit = await testRuntime({ off: async (_p: unknown, ctx: TaskContext) => ctx.cancel("moot") });
    const { id } = await kit.enqueue("off");
    expect(await kit.drain()).toMatchObject({ cancelled: 1 });
    expect(await kit.job(id)).toMatchObject({ state: "cancelled", error: "moot" });
  });

  test("a failed job that is retried by hand gets its record anew", async () => {
    let works = false;
    kit = await testRuntime({
      later: async () => {
        if (!works) throw new BusinessLogicError("closed");
        return "done";
      },
    });
    const id = await addBySql(kit, "later");
    await kit.drain();
    works = true;
    await kit.db.query("select graphile_worker.reschedule_jobs(array[$1::bigint], attempts := 0)", [
      id,
    ]);
    expect(await kit.job(id)).toMatchObject({ state: "pending" });
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: "done", error: null });
    const { rows } = await kit.db.query("select state from taskrun.history");
    expect(rows).toEqual([{ state: "completed" }]);
  });

  test("a job whose key was taken over while it ran is not run again", async () => {
    const replaced = signal();
    const running = signal();
    let runs = 0;
    kit = await testRuntime({
      slow: async () => {
        runs += 1;
        if (runs > 1) return "second";
        running.resolve();
        await replaced.promise;
        throw new Error("first");
      },
    });
    const first = await kit.enqueue("slow", {}, { key: "one" });
    const drained = kit.drain();
    await running.promise;
    const second = await kit.enqueue("slow", {}, { key: "one" });
    replaced.resolve();
    await drained;
    expect(second.id).not.toBe(first.id);
    expect(await kit.job(first.id)).toMatchObject({ state: "cancelled" });
    expect((await kit.job(first.id))?.error).toMatch(/superseded/);
    expect(await kit.job(second.id)).toMatchObject({ state: "completed", output: "second" });
  });

  test("progress is kept with the job", async () => {
    kit = await testRuntime({
      long: async (_p: unknown, ctx: TaskContext) => {
        await ctx.progress(1, 3, "one");
        await ctx.progress(3, 3, "all");
      },
    });
    const { id } = await kit.enqueue("long");
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({
      state: "completed",
      progress: { done: 3, total: 3, message: "all" },
    });
  });

  test("an output the database refuses fails that job and no other", async () => {
    kit = await testRuntime({
      odd: async ({ n }: { n: number }) => (n === 3 ? "\ud800 and \u0000" : n),
    });
    for (let n = 0; n < 6; n += 1) await kit.enqueue("odd", { n });
    const counts = await kit.drain();
    expect(counts.completed + counts.failed).toBe(6);
    const { rows } = await kit.db.query("select count(*)::int as n from taskrun.jobs");
    expect(rows[0].n).toBe(6);
    expect(await countLocks(kit)).toBe(0);
  });
});

describe("order", () => {
  test("jobs of a serial queue run one at a time, in order", async () => {
    let atOnce = 0;
    let most = 0;
    const order: number[] = [];
    kit = await testRuntime({
      step: async ({ n }: { n: number }) => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push(n);
        atOnce -= 1;
      },
    });
    for (let n = 0; n < 20; n += 1) await kit.enqueue("step", { n }, { queue: "line" });
    expect(await kit.drain()).toMatchObject({ completed: 20 });
    expect(most).toBe(1);
    expect(order).toEqual([...Array(20).keys()]);
    expect(await countLocks(kit)).toBe(0);
  });

  test("several serial queues run side by side", async () => {
    const both = signal();
    const started = new Set<string>();
    kit = await testRuntime({
      meet: async ({ who }: { who: string }) => {
        started.add(who);
        if (started.size === 2) both.resolve();
        await both.promise;
      },
    });
    await kit.enqueue("meet", { who: "a" }, { queue: "left" });
    await kit.enqueue("meet", { who: "b" }, { queue: "right" });
    expect(await kit.drain()).toMatchObject({ completed: 2 });
  });

  test("the more urgent job starts first, whatever was added first", async () => {
    const order: string[] = [];
    kit = await testRuntime(
      { note: async ({ name }: { name: string }) => void order.push(name) },
      { concurrency: 1 },
    );
    await kit.enqueue("note", { name: "low" }, { priority: "low", queue: "q" });
    await kit.enqueue("note", { name: "normal" });
    await kit.enqueue("note", { name: "critical" }, { priority: "critical" });
    await kit.enqueue("note", { name: "high" }, { priority: "high", queue: "p" });
    await kit.drain();
    expect(order).toEqual(["critical", "high", "normal", "low"]);
  });
});

test("runJob runs one job that is not due yet, and only that one", async () => {
  kit = await testRuntime({ later: async () => "early" });
  const { id } = await kit.enqueue("later", {}, { delay: "1h" });
  const other = await kit.enqueue("later", {});
  expect(await kit.runJob(id)).toMatchObject({ state: "completed", output: "early" });
  expect(await kit.job(other.id)).toMatchObject({ state: "pending" });
  await expect(kit.runJob(id)).rejects.toThrow("completed");
});

test("a retry starts when it is due, without waiting for the poll", async () => {
  const ended = signal<number>();
  kit = await testRuntime({
    flaky: {
      retry: { strategy: "fixed", baseDelay: "40ms" },
      handler: async (_payload: unknown, ctx: TaskContext) => {
        if (ctx.attempt === 1) throw new Error("not yet");
        ended.resolve(ctx.attempt);
      },
    },
  });
  const runtime = kit.createRuntime({ pollIntervalMs: 3_600_000 });
  await runtime.start();
  await kit.enqueue("flaky");
  expect(await ended.promise).toBe(2);
  await runtime.stop();
});

test("a notification starts a job without waiting for the poll", async () => {
  const ran = signal<string>();
  kit = await testRuntime({
    ping: async (_p: unknown, ctx: TaskContext) => ran.resolve(ctx.jobId),
  });
  const runtime = kit.createRuntime({ pollIntervalMs: 3_600_000 });
  await runtime.start();
  const { id } = await kit.enqueue("ping");
  expect(await ran.promise).toBe(id);
  await runtime.stop();
});

test("a pause and a resume while it starts leave no timer behind", async () => {
  kit = await testRuntime({ task: async () => null });
  const running = new Set<NodeJS.Timeout>();
  const { setInterval: start, clearInterval: clear } = globalThis;
  vi.spyOn(globalThis, "setInterval").mockImplementation((...given) => {
    const timer = Reflect.apply(start, globalThis, given);
    running.add(timer);
    return timer;
  });
  vi.spyOn(globalThis, "clearInterval").mockImplementation((timer) => {
    if (typeof timer === "object") running.delete(timer);
    clear(timer);
  });
  try {
    const runtime = kit.createRuntime();
    const started = runtime.start();
    const paused = runtime.pause();
    runtime.resume();
    await Promise.all([started, paused]);
    const { id } = await kit.enqueue("task");
    await expect.poll(async () => (await kit.job(id))?.state).toBe("completed");
    await runtime.stop();
    expect([...running].filter((timer) => timer.hasRef())).toEqual([]);
  } finally {
    vi.restoreAllMocks();
  }
});
