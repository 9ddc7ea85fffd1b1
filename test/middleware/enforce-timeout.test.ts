import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import { CancelledError, ShutdownError } from "../../src/core/task-errors.ts";
import { startAttempt, stopped } from "../support/start-attempt.ts";

const timedOut = {
  state: "retrying",
  error: { name: "TaskTimeoutError", message: "timed out after 20ms", rule: "thrown-on-purpose" },
};

const never = () => new Promise(() => {});

const unhandled: unknown[] = [];
const collect = (reason: unknown) => unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", collect);
});
afterEach(() => {
  process.off("unhandledRejection", collect);
  expect(unhandled).toEqual([]);
});

describe("a job's own timeout", () => {
  test("goes before its task's, in both directions", async () => {
    const job = { timeoutMs: 20 };
    expect(await startAttempt({ timeout: "1m", handler: never }, { job }).outcome).toMatchObject(
      timedOut,
    );
    const handler = () => new Promise((resolve) => setTimeout(resolve, 40, "done"));
    for (const timeoutMs of [60_000, false] as const) {
      const { outcome } = startAttempt({ timeout: 20, handler }, { job: { timeoutMs } });
      expect(await outcome).toMatchObject({ state: "completed" });
    }
  });

  test.each([-1, Number.NaN, "soon"])("that is none, %j, leaves the task's", async (timeoutMs) => {
    const job = { timeoutMs: timeoutMs as number };
    expect(await startAttempt({ timeout: 20, handler: never }, { job }).outcome).toMatchObject(
      timedOut,
    );
  });
});

describe("an attempt that takes too long", () => {
  test("has its signal aborted with a TaskTimeoutError", async () => {
    let reason: unknown;
    const handler = async (_: unknown, ctx: TaskContext) => {
      await stopped(ctx.signal);
      reason = ctx.signal.reason;
      throw reason;
    };
    expect(await startAttempt({ timeout: 20, handler }).outcome).toMatchObject(timedOut);
    expect(reason).toMatchObject({ name: "TaskTimeoutError" });
  });

  test("has timed out also when its handler returns after the abort", async () => {
    const handler = async (_: unknown, ctx: TaskContext) => {
      await stopped(ctx.signal);
      return "done after all";
    };
    expect(await startAttempt({ timeout: 20, handler }).outcome).toMatchObject(timedOut);
  });

  test("has timed out also when its handler throws something permanent after the abort", async () => {
    const handler = async (_: unknown, ctx: TaskContext) => {
      await stopped(ctx.signal);
      throw new Error("PERMANENT: x");
    };
    expect(await startAttempt({ timeout: 20, handler }).outcome).toMatchObject(timedOut);
  });

  test("is settled after its grace when the handler ignores the abort", async () => {
    const started = performance.now();
    const { outcome } = startAttempt({ timeout: 20, handler: never });
    expect(await outcome).toMatchObject(timedOut);
    expect(performance.now() - started).toBeGreaterThanOrEqual(38);
  });

  test("gets the whole grace to clean up", async () => {
    let cleaned = false;
    const handler = async (_: unknown, ctx: TaskContext) => {
      await stopped(ctx.signal);
      await new Promise((resolve) => setTimeout(resolve, 30));
      cleaned = true;
    };
    const { outcome } = startAttempt(
      { timeout: 5, handler },
      { settings: { timeoutGraceMs: 5_000 } },
    );
    await outcome;
    expect(cleaned).toBe(true);
  });

  test("has failed for good when it was the last one", async () => {
    const job = { attempt: 3, maxAttempts: 3 };
    const { outcome } = startAttempt({ timeout: 20, handler: never }, { job });
    expect(await outcome).toMatchObject({ state: "failed", error: timedOut.error });
  });

  test("is bounded while its schema takes its time, and the handler never starts", async () => {
    let ran = false;
    let answer: (result: { value: unknown }) => void = () => {};
    const payload = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      },
    };
    const handler = () => {
      ran = true;
    };
    expect(await startAttempt({ timeout: 20, payload, handler }).outcome).toMatchObject(timedOut);
    answer({ value: {} });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ran).toBe(false);
  });
});

test("a handler that throws after it was given up on is no unhandled rejection", async () => {
  let fail: (reason: Error) => void = () => {};
  const handler = () =>
    new Promise((_, reject) => {
      fail = reject;
    });
  expect(await startAttempt({ timeout: 5, handler }).outcome).toMatchObject({ state: "retrying" });
  fail(new Error("too late"));
  // Node reports unhandled rejections once the microtasks are done; afterEach looks.
  await new Promise((resolve) => setImmediate(resolve));
});

test("a timeout of 60 days does not fire at once", async () => {
  const handler = () => new Promise((resolve) => setTimeout(() => resolve("in time"), 30));
  expect(await startAttempt({ timeout: "60d", handler }).outcome).toEqual({
    state: "completed",
    outputJson: '"in time"',
  });
});

test("a handler without a timeout may take as long as it likes", async () => {
  const handler = () => new Promise((resolve) => setTimeout(resolve, 30));
  const { outcome } = startAttempt({ timeout: false, handler });
  expect(await outcome).toMatchObject({ state: "completed" });
});

test("nothing keeps the process alive after an attempt", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
  const before = timers();
  await startAttempt({ timeout: "1h", handler: async () => 1 }).outcome;
  await startAttempt({ timeout: "1h", handler: () => 1 }).outcome;
  await startAttempt({
    timeout: "1h",
    handler() {
      throw new Error("x");
    },
  }).outcome;
  expect(timers()).toBe(before);
});

describe("a cancel", () => {
  test("ends an attempt whose handler heeds its signal, with the reason", async () => {
    const handler = async (_: unknown, ctx: TaskContext) => {
      await stopped(ctx.signal);
      ctx.signal.throwIfAborted();
    };
    const { attempt, outcome } = startAttempt(handler);
    attempt.abort(new CancelledError("no longer needed"));
    expect(await outcome).toEqual({ state: "cancelled", reason: "no longer needed" });
  });

  test("ends an attempt whose handler ignores its signal, after the grace", async () => {
    const { attempt, outcome } = startAttempt(never);
    attempt.abort(new CancelledError());
    expect(await outcome).toEqual({ state: "cancelled", reason: null });
  });

  test("holds when the handler completes all the same", async () => {
    const handler = async (_: unknown, ctx: TaskContext) => stopped(ctx.signal);
    const { attempt, outcome } = startAttempt(handler);
    attempt.abort(new CancelledError("enough"));
    expect(await outcome).toEqual({ state: "cancelled", reason: "enough" });
  });

  test("of an attempt that has not begun keeps its handler from running", async () => {
    let ran = false;
    const handler = () => {
      ran = true;
    };
    const { outcome } = startAttempt(handler, {
      before: (attempt) => attempt.abort(new CancelledError("early")),
    });
    expect(await outcome).toEqual({ state: "cancelled", reason: "early" });
    expect(ran).toBe(false);
  });

  test("during a shutdown replaces it", async () => {
    const { attempt, outcome } = startAttempt(never);
    attempt.abort(new ShutdownError());
    attempt.abort(new CancelledError("both"));
    expect(await outcome).toEqual({ state: "cancelled", reason: "both" });
  });
});

describe("a shutdown", () => {
  test("gives back an attempt whose handler then throws", async () => {
    const handler = async (_: unknown, ctx: TaskContext) => {
      await stopped(ctx.signal);
      throw new Error("interrupted");
    };
    const { attempt, outcome } = startAttempt(handler);
    attempt.abort(new ShutdownError());
    expect(await outcome).toEqual({ state: "returned", reason: "the process is stopping" });
  });

  test("takes a handler at its word that completes nevertheless", async () => {
    const handler = async (_: unknown, ctx: TaskContext) => {
      await stopped(ctx.signal);
      return "done";
    };
    const { attempt, outcome } = startAttempt(handler);
    attempt.abort(new ShutdownError());
    expect(await outcome).toEqual({ state: "completed", outputJson: '"done"' });
  });

  test("leaves it to the caller when to stop waiting for a handler that ignores it", async () => {
    const { attempt, outcome } = startAttempt(never);
    attempt.abort(new ShutdownError());
    const first = await Promise.race([
      outcome,
      // Longer than the grace of a timeout or a cancel.
      new Promise((resolve) => setTimeout(() => resolve("still waiting"), 60)),
    ]);
    expect(first).toBe("still waiting");
    attempt.abandon({ state: "returned", reason: "deadline" });
    expect(await outcome).toEqual({ state: "returned", reason: "deadline" });
  });
});

describe("an attempt that is abandoned", () => {
  test("ends with the given outcome, whatever its handler does later", async () => {
    let fail: (reason: Error) => void = () => {};
    const handler = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    const { attempt, outcome } = startAttempt(handler);
    attempt.abandon({ state: "cancelled", reason: "first" });
    attempt.abandon({ state: "cancelled", reason: "second" });
    expect(await outcome).toEqual({ state: "cancelled", reason: "first" });
    fail(new Error("too late"));
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("does not run at all when that was before its start", async () => {
    let ran = false;
    const handler = () => {
      ran = true;
    };
    const given = { state: "returned", reason: "breaker open" } as const;
    const { outcome } = startAttempt(handler, { before: (attempt) => attempt.abandon(given) });
    expect(await outcome).toBe(given);
    expect(ran).toBe(false);
  });
});
