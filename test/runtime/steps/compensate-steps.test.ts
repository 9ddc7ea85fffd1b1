import { runTask } from "taskrun/testing";
import { describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { CancelledError, PermanentError, ShutdownError } from "../../../src/core/task-errors.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { addBySql, signal, testRuntime } from "../../support/test-runtime.ts";

type Fault = (ctx: TaskContext) => unknown;

/** Three steps with compensations, then whatever the test wants; `log` has what ran, in order. */
function saga(
  log: string[],
  then: Fault,
  undo: (name: string, ctx: TaskContext) => unknown = () => {},
) {
  return async (_: unknown, ctx: TaskContext) => {
    for (const name of ["one", "two", "three"]) {
      await ctx.step(
        name,
        () => {
          log.push(name);
          return name.length;
        },
        {
          async compensate(result) {
            await undo(name, ctx);
            log.push(`undo ${name} ${result}`);
          },
        },
      );
    }
    await ctx.step("note", () => log.push("note"));
    return then(ctx);
  };
}

const undone = ["undo three 5", "undo two 3", "undo one 3"];

async function stepStates({ db }: TestRuntime): Promise<Record<string, string>> {
  const { rows } = await db.query("select name, state from taskrun.steps order by position");
  return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
}

const fail: Fault = () => {
  throw new PermanentError("card declined");
};

describe("steps are undone in reverse order", () => {
  test("after a permanent failure", async () => {
    const log: string[] = [];
    await using kit = await testRuntime({ order: saga(log, fail) });
    const id = await addBySql(kit, "order");
    expect(await kit.drain()).toMatchObject({ failed: 1 });
    expect(log).toEqual(["one", "two", "three", "note", ...undone]);
    expect(await kit.job(id)).toMatchObject({
      state: "failed",
      error: "card declined",
      attempts: 1,
    });
    expect(await stepStates(kit)).toEqual({
      one: "compensated",
      two: "compensated",
      three: "compensated",
      note: "done",
    });
    const { rows } = await kit.db.query("select state, error_message from taskrun.attempts");
    expect(rows).toEqual([{ state: "failed", error_message: "card declined" }]);
  });

  test("after the last attempt, once", async () => {
    const log: string[] = [];
    const handler = saga(log, () => {
      throw new Error("flaky");
    });
    await using kit = await testRuntime({ order: { retry: { baseDelay: 0 }, handler } });
    const id = await addBySql(kit, "order", {}, "max_attempts := 3");
    await kit.drain();
    expect(log).toEqual(["one", "two", "three", "note", ...undone]);
    expect(await kit.job(id)).toMatchObject({ state: "failed", error: "flaky", attempts: 3 });
  });

  test("after the handler cancels its job", async () => {
    const log: string[] = [];
    await using kit = await testRuntime({
      order: saga(log, (ctx) => ctx.cancel("not wanted any more")),
    });
    const id = await addBySql(kit, "order");
    await kit.drain();
    expect(log).toEqual(["one", "two", "three", "note", ...undone]);
    expect(await kit.job(id)).toMatchObject({
      state: "cancelled",
      error: "not wanted any more",
    });
  });
});

test("a cancel from outside doesn't stop the compensations that it causes", async () => {
  const log: string[] = [];
  const inside = signal();
  let aborted: boolean | undefined;
  const handler = async (_: unknown, ctx: TaskContext) => {
    const undo = () => {
      aborted = ctx.signal.aborted;
      stop.abort(new CancelledError("and again"));
      aborted ||= ctx.signal.aborted;
      log.push("undo");
    };
    await ctx.step("hold", () => log.push("hold"), { compensate: undo });
    await ctx.step("wait", async () => {
      inside.resolve();
      await ctx.abortPromise;
    });
  };
  const stop = new AbortController();
  const run = runTask(handler, {}, { signal: stop.signal });
  await inside.promise;
  stop.abort(new CancelledError("changed my mind"));
  const { outcome, steps } = await run;
  expect(outcome).toEqual({ state: "cancelled", reason: "changed my mind" });
  expect(log).toEqual(["hold", "undo"]);
  expect(aborted).toBe(false);
  expect(steps).toEqual([{ name: "hold", result: 1, compensated: true }]);
});

describe("a compensation that fails", () => {
  test("is tried again in later attempts, which don't count, before the others", async () => {
    const log: string[] = [];
    let tries = 0;
    const undo = (name: string) => {
      if (name !== "two" || ++tries > 3) return;
      log.push("try two");
      throw new Error("stock service is away");
    };
    await using kit = await testRuntime({
      order: { retry: { baseDelay: 0 }, handler: saga(log, fail, undo) },
    });
    const id = await addBySql(kit, "order", {}, "max_attempts := 5");
    expect(await kit.drain()).toMatchObject({ retrying: 3, failed: 1 });
    const [three, two, one] = undone;
    const trying = ["try two", "try two", "try two"];
    expect(log).toEqual(["one", "two", "three", "note", three, ...trying, two, one]);
    expect(await kit.job(id)).toMatchObject({
      state: "failed",
      error: "card declined",
      attempts: 1,
    });
    const { rows } = await kit.db.query(
      "select state, error_message from taskrun.attempts order by finished_at",
    );
    const failedTry = {
      state: "retrying",
      error_message: 'undoing step "two" failed: stock service is away',
    };
    const last = { state: "failed", error_message: "card declined" };
    expect(rows).toEqual([failedTry, failedTry, failedTry, last]);
  });

  test("too often is given up; the others run, and the job's error names it", async () => {
    const log: string[] = [];
    const undo = (name: string) => {
      if (name === "two") throw new Error("stock service is gone");
    };
    await using kit = await testRuntime({
      order: { retry: { baseDelay: 0 }, handler: saga(log, fail, undo) },
    });
    const id = await addBySql(kit, "order", {}, "max_attempts := 2");
    await kit.drain();
    const [three, , one] = undone;
    expect(log).toEqual(["one", "two", "three", "note", three, one]);
    expect(await kit.job(id)).toMatchObject({
      state: "failed",
      error: 'card declined; step "two" could not be undone: stock service is gone',
    });
    expect(await stepStates(kit)).toMatchObject({ two: "uncompensated", one: "compensated" });
  });

  test("for good is given up at once", async () => {
    const log: string[] = [];
    const undo = (name: string) => {
      if (name === "three") throw new PermanentError("can't be refunded");
    };
    await using kit = await testRuntime({ order: saga(log, (ctx) => ctx.cancel("no"), undo) });
    const id = await addBySql(kit, "order");
    await kit.drain();
    expect(log).toEqual(["one", "two", "three", "note", ...undone.slice(1)]);
    expect(await kit.job(id)).toMatchObject({
      state: "cancelled",
      error: 'no; step "three" could not be undone: can\'t be refunded',
    });
  });

  test("because it takes too long counts as failed, and its signal says so", async () => {
    let reason: unknown;
    const handler = async (_: unknown, ctx: TaskContext) => {
      await ctx.step("hold", () => 1, {
        compensate: async () => {
          await ctx.abortPromise.catch((stop) => {
            reason = stop;
            throw stop;
          });
        },
      });
      throw new PermanentError("no");
    };
    const { outcome, error } = await runTask(handler, {}, { timeout: 30, maxAttempts: 2 });
    expect(outcome.state).toBe("retrying");
    expect(error?.message).toBe('undoing step "hold" failed: timed out after 30ms');
    expect(reason).toMatchObject({ name: "TaskTimeoutError" });
  });
});

test("a shutdown amid compensations gives the job back; they go on elsewhere, in order", async () => {
  const log: string[] = [];
  const inside = signal();
  let waits = true;
  const undo = async (name: string, ctx: TaskContext) => {
    if (name !== "two" || !waits) return;
    waits = false;
    inside.resolve();
    await ctx.abortPromise.catch(() => "told to stop");
  };
  await using kit = await testRuntime({ order: saga(log, fail, undo) });
  const id = await addBySql(kit, "order");
  const first = kit.createRuntime({ shutdownGraceMs: 0, shutdownDeadlineMs: 60_000 });
  await first.start();
  await inside.promise;
  await first.stop();
  expect(log).toEqual(["one", "two", "three", "note", ...undone.slice(0, 2)]);
  expect(await kit.job(id)).toMatchObject({ state: "retrying", attempts: 0 });
  await kit.drain();
  expect(log.slice(4)).toEqual(undone);
  expect(await kit.job(id)).toMatchObject({ state: "failed", error: "card declined" });
});

test("steps that the failing attempt didn't come to are undone in one of their own", async () => {
  const log: string[] = [];
  const handler = saga(log, () => {
    throw new Error("flaky");
  });
  let broken = false;
  await using kit = await testRuntime({
    order: {
      retry: { baseDelay: 0 },
      middleware: [
        async (ctx: TaskContext, next: () => Promise<unknown>) => {
          if (ctx.attempt === 2 && !broken) {
            broken = true;
            throw new PermanentError("no such customer any more");
          }
          return next();
        },
      ],
      handler,
    },
  });
  const id = await addBySql(kit, "order");
  expect(await kit.drain()).toMatchObject({ retrying: 1, failed: 1 });
  expect(log).toEqual(["one", "two", "three", "note", ...undone]);
  expect(await kit.job(id)).toMatchObject({ state: "failed", error: "no such customer any more" });
});

test("a handler that never comes to its steps again leaves them undone, and the job says so", async () => {
  await using kit = await testRuntime({
    order: {
      retry: { baseDelay: 0, maxAttempts: 2 },
      handler: async (_: unknown, ctx: TaskContext) => {
        if (ctx.lastError !== null) throw new Error("the database moved");
        await ctx.step("hold", () => 1, { compensate: () => {} });
        throw new Error("first");
      },
    },
  });
  const id = await addBySql(kit, "order", {}, "max_attempts := 2");
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({
    state: "failed",
    error:
      'the database moved; step "hold" could not be undone: ' +
      "the handler ended before it came to this step: the database moved",
  });
});

test("a failed job that is retried by hand runs the steps that were undone anew", async () => {
  const log: string[] = [];
  let broken = true;
  await using kit = await testRuntime({
    order: saga(log, (ctx) => (broken ? fail(ctx) : "done")),
  });
  const id = await addBySql(kit, "order");
  await kit.drain();
  log.length = 0;
  broken = false;
  // As graphile-worker's users retry.
  await kit.db.query("select graphile_worker.reschedule_jobs(array[$1::bigint], attempts := 0)", [
    id,
  ]);
  await kit.drain();
  expect(log).toEqual(["one", "two", "three"]);
  expect(await kit.job(id)).toMatchObject({ state: "completed", output: "done" });
  expect(await stepStates(kit)).toMatchObject({ one: "done", two: "done", three: "done" });
});

test("an add with its key while a job is undone makes a job of its own", async () => {
  const log: string[] = [];
  let ended = false;
  const undo = (name: string) => {
    if (name === "two" && !ended) throw new Error("later");
  };
  await using kit = await testRuntime({
    order: { retry: { baseDelay: "1h" }, handler: saga(log, fail, undo) },
  });
  const old = await addBySql(kit, "order", { n: 1 }, "job_key := 'k'");
  await kit.drain();
  const other = await addBySql(kit, "order", { n: 2 }, "job_key := 'k', run_at := now() + '1d'");
  expect(other).not.toBe(old);
  ended = true;
  await kit.runJob(old);
  expect(await kit.job(old)).toMatchObject({ state: "failed", error: "card declined" });
  expect(await kit.job(other)).toMatchObject({ state: "scheduled", payload: { n: 2 } });
});

test("what runs after a stop doesn't count: a shutdown is no reason to undo anything", async () => {
  const stop = new AbortController();
  const log: string[] = [];
  const handler = saga(log, (ctx) => {
    stop.abort(new ShutdownError());
    return ctx.step("five", () => 5);
  });
  const { outcome } = await runTask(handler, {}, { signal: stop.signal });
  expect(outcome.state).toBe("returned");
  expect(log).toEqual(["one", "two", "three", "note"]);
});

test("a job that a newer one with its key has superseded is undone and ends as cancelled", async () => {
  const log: string[] = [];
  const inside = signal();
  const go = signal();
  const handler = saga(log, async (ctx) => {
    if ((ctx.payload as { n: number }).n === 2) return "done"; // why: the test adds these
    inside.resolve();
    await go.promise;
    throw new Error("flaky");
  });
  await using kit = await testRuntime({ order: { retry: { baseDelay: 0 }, handler } });
  const old = await addBySql(kit, "order", { n: 1 }, "job_key := 'k'");
  const runtime = kit.createRuntime();
  await runtime.start();
  await inside.promise;
  const newer = await addBySql(kit, "order", { n: 2 }, "job_key := 'k'");
  go.resolve();
  await runtime.drain();
  await runtime.stop();
  expect(await kit.job(old)).toMatchObject({
    state: "cancelled",
    error: "superseded by a newer job with the same key",
  });
  expect(await kit.job(newer)).toMatchObject({ state: "completed", output: "done" });
  expect(log.filter((each) => each.startsWith("undo"))).toEqual(undone);
  const { rows } = await kit.db.query("select * from taskrun.job_details where ending is not null");
  expect(rows).toEqual([]);
});

test("a handler that ignores its cancel is left; another attempt undoes its steps", async () => {
  const log: string[] = [];
  const inside = signal();
  let first: TaskContext | undefined;
  await using kit = await testRuntime({
    order: saga(log, (ctx) => {
      first ??= ctx;
      inside.resolve();
      return new Promise(() => {});
    }),
  });
  const id = await addBySql(kit, "order");
  const runtime = kit.createRuntime({ timeoutGraceMs: 20 });
  await runtime.start();
  await inside.promise;
  await kit.db.query("select taskrun.cancel_job($1, 'enough')", [id]);
  let job = await kit.job(id);
  while (job?.state !== "cancelled") job = await kit.job(id);
  await runtime.stop();
  expect(log).toEqual(["one", "two", "three", "note", ...undone]);
  expect(job.error).toContain("enough");
  // It may still look at its signal: that stays as it was.
  expect(first?.signal.aborted).toBe(true);
});
