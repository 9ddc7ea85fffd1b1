import { describe, expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import { err, ok } from "../../src/core/result.ts";
import * as errors from "../../src/core/task-errors.ts";
import { startAttempt } from "../support/start-attempt.ts";

function throwing(thrown: unknown) {
  return () => {
    throw thrown;
  };
}

describe("for a task with a breaker", () => {
  const outcomeOf = (thrown: unknown, breaker: unknown = {}) =>
    startAttempt({ breaker, handler: throwing(thrown) }).outcome;

  test.each([
    ["an unknown error", new Error("no")],
    ["a service that fails", new errors.ExternalServiceError("503")],
    ["a timeout", new errors.TaskTimeoutError()],
    ["an open circuit of the handler's own", new errors.CircuitOpenError()],
    ["an open circuit as a cause", new errors.RetryLaterError("no", "1s", { cause: named() })],
  ])("%s counts", async (_, thrown) => {
    expect(await outcomeOf(thrown)).toMatchObject({ tripsBreaker: true });
  });

  test("so does the last attempt of a job", async () => {
    const last = { job: { attempt: 3, maxAttempts: 3 } };
    const { outcome } = startAttempt({ breaker: {}, handler: throwing(new Error("no")) }, last);
    expect(await outcome).toMatchObject({ state: "failed", tripsBreaker: true });
  });

  test.each([
    ["a bad payload", new errors.InvalidPayloadError("no")],
    ["a rule of the business", new errors.BusinessLogicError("no")],
    ["a job that is put off", new errors.RetryLaterError("later", "1s")],
    ["a cancel", new errors.CancelledError("no")],
  ])("%s doesn't", async (_, thrown) => {
    expect(await outcomeOf(thrown)).not.toHaveProperty("tripsBreaker");
  });

  test("and without a breaker nothing does", async () => {
    expect(await outcomeOf(new Error("no"), false)).not.toHaveProperty("tripsBreaker");
  });
});

/** Of another copy of taskrun, or of a circuit breaker's library. */
function named(): Error {
  return Object.assign(new Error("open"), { name: "CircuitOpenError" });
}

describe("what a handler returns", () => {
  test.each([
    ["nothing", undefined, null],
    ["null", null, null],
    ["an object", { id: 1 }, '{"id":1}'],
    ["an Ok", ok({ id: 1 }), '{"id":1}'],
    ["false", false, "false"],
  ])("%s completes the job", async (_what, returned, outputJson) => {
    const expected = { state: "completed", outputJson };
    expect(await startAttempt(() => returned).outcome).toEqual(expected);
    expect(await startAttempt(async () => returned).outcome).toEqual(expected);
  });

  test("an Err counts as thrown", async () => {
    const { outcome } = startAttempt(async () => err(new errors.PermanentError("no account")));
    expect(await outcome).toMatchObject({ state: "failed", error: { message: "no account" } });
  });

  test("ctx.snooze puts the job off, without a word on attempts", async () => {
    const handler = (_: unknown, ctx: TaskContext) => ctx.snooze("90s", "not yet");
    const { outcome } = startAttempt(handler, { job: { attempt: 3, maxAttempts: 3 } });
    expect(await outcome).toEqual({ state: "snoozed", delayMs: 90_000, reason: "not yet" });
  });

  describe("ctx.waitFor makes it wait, also on its last attempt,", () => {
    const last = { job: { attempt: 3, maxAttempts: 3 } };
    const waiting = { state: "waiting", jobs: ["7", "8"] };
    const wrapped = async (ctx: TaskContext) => {
      try {
        return await ctx.waitFor(["7", "8"]);
      } catch (cause) {
        throw new Error("could not wait", { cause });
      }
    };
    const forms: Record<string, (ctx: TaskContext) => unknown> = {
      returned: (ctx) => ctx.waitFor(["7", "8"]),
      awaited: async (ctx) => void (await ctx.waitFor(["7", "8"])),
      "wrapped in another error": wrapped,
    };
    for (const [form, handler] of Object.entries(forms)) {
      test(form, async () => {
        const { outcome } = startAttempt((_: unknown, ctx: TaskContext) => handler(ctx), last);
        expect(await outcome).toEqual(waiting);
      });
    }

    test("but not when the handler has made another error of it on purpose", async () => {
      const thrown = new errors.PermanentError("no", { cause: new errors.WaitingError(["7"]) });
      expect(await startAttempt(throwing(thrown)).outcome).toMatchObject({ state: "failed" });
    });
  });

  test("ctx.cancel ends it", async () => {
    const { outcome } = startAttempt((_: unknown, ctx: TaskContext) => ctx.cancel("user left\0"));
    expect(await outcome).toEqual({ state: "cancelled", reason: "user left\ufffd" });
  });

  test("an output that is no JSON is kept as well as it can be, and a line says so", async () => {
    const { outcome, lines } = startAttempt(async () => ({ totals: [1n] }));
    expect(await outcome).toEqual({ state: "completed", outputJson: '{"totals":["1n"]}' });
    expect(lines).toContainEqual(
      expect.objectContaining({
        jobId: "17",
        change: "a BigInt at $.totals[0]",
        msg: "the output is not kept as it was returned",
      }),
    );
  });
});

describe("what a handler throws", () => {
  test.each([
    ["an Error", new Error("x"), { state: "retrying", delayMs: 1_000, error: { rule: "default" } }],
    ["null", null, { state: "retrying", delayMs: 1_000, error: { name: "NonError" } }],
    ["PermanentError", new errors.PermanentError("x"), { state: "failed" }],
    [
      "RateLimitedError",
      new errors.RateLimitedError("42s"),
      { state: "retrying", delayMs: 42_000 },
    ],
    [
      "RetryLaterError",
      new errors.RetryLaterError("busy", "2m"),
      { state: "snoozed", delayMs: 120_000, reason: "busy" },
    ],
    ["CircuitOpenError", new errors.CircuitOpenError(), { state: "snoozed", delayMs: 60_000 }],
    ["CancelledError", new errors.CancelledError("x"), { state: "cancelled", reason: "x" }],
  ])("%s", async (_what, thrown, expected) => {
    expect(await startAttempt(throwing(thrown)).outcome).toMatchObject(expected);
    expect(await startAttempt(async () => throwing(thrown)()).outcome).toMatchObject(expected);
  });

  test("is on the failure for listeners of this process", async () => {
    const thrown = new Error("x");
    const outcome = await startAttempt(throwing(thrown)).outcome;
    expect(outcome).toHaveProperty("error.thrown", thrown);
  });
});

describe("the row's max_attempts", () => {
  const handler = throwing(new Error("x"));

  test.each([
    [1, 3, "retrying"],
    [2, 3, "retrying"],
    [3, 3, "failed"],
    [4, 3, "failed"],
    [1, 1, "failed"],
  ])("attempt %d of %d is %s", async (attempt, maxAttempts, state) => {
    const { outcome } = startAttempt(handler, { job: { attempt, maxAttempts } });
    expect(await outcome).toMatchObject({ state });
  });

  test("rules, whatever the task's retry.maxAttempts", async () => {
    const job = { attempt: 5, maxAttempts: 25 };
    const { outcome } = startAttempt({ retry: { maxAttempts: 2 }, handler }, { job });
    expect(await outcome).toMatchObject({ state: "retrying" });
  });

  test("does not spend attempts on what is permanent", async () => {
    const permanent = throwing(new errors.PermanentError("x"));
    const { outcome } = startAttempt(permanent, { job: { attempt: 1, maxAttempts: 25 } });
    expect(await outcome).toMatchObject({ state: "failed", error: { rule: "thrown-on-purpose" } });
  });
});

describe("the retry policy", () => {
  test("sets the delay by the attempt", async () => {
    const task = { retry: { strategy: "linear", baseDelay: "10s" }, handler: throwing(1) };
    const { outcome } = startAttempt(task, { job: { attempt: 2 } });
    expect(await outcome).toMatchObject({ state: "retrying", delayMs: 20_000 });
  });

  test('may say "give_up"', async () => {
    const task = { retry: () => "give_up", handler: throwing(new Error("hopeless")) };
    expect(await startAttempt(task).outcome).toMatchObject({
      state: "failed",
      error: { message: "hopeless", rule: "default" },
    });
  });

  test("is not asked where the error says how long", async () => {
    const error = new errors.RetryableError("x", { after: "7s" });
    const task = { retry: () => "give_up", handler: throwing(error) };
    expect(await startAttempt(task).outcome).toMatchObject({ state: "retrying", delayMs: 7_000 });
  });

  test("that throws is replaced by the default one, with a warning", async () => {
    const retry = () => {
      throw new TypeError("bug in retry");
    };
    const { outcome, lines } = startAttempt({ retry, handler: throwing(1) });
    expect(await outcome).toMatchObject({ state: "retrying", delayMs: 1_000 });
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 40,
        jobId: "17",
        msg: "the task's retry function failed; the default policy is used",
        err: expect.objectContaining({ type: "TypeError", message: "bug in retry" }),
      }),
    );
  });

  test("that answers with nonsense is replaced too", async () => {
    const { outcome } = startAttempt({ retry: () => "whenever", handler: throwing(1) });
    expect(await outcome).toMatchObject({ state: "retrying", delayMs: 1_000 });
  });
});

describe("classify", () => {
  test("of the task goes before the config's", async () => {
    const task = { classify: () => "permanent", handler: throwing(1) };
    const settings = { classify: () => "retryable" as const };
    expect(await startAttempt(task, { settings }).outcome).toMatchObject({
      state: "failed",
      error: { rule: "task-classify" },
    });
  });

  test("that throws is left out, with a warning", async () => {
    const settings = {
      classify: () => {
        throw new Error("bug in classify");
      },
    };
    const { outcome, lines } = startAttempt(throwing(1), { settings });
    expect(await outcome).toMatchObject({ state: "retrying", error: { rule: "default" } });
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 40,
        msg: "the config's classify function threw; its word is left out",
      }),
    );
  });
});

describe("a job's own retry policy", () => {
  const task = { retry: { baseDelay: "7s", jitter: 0 }, handler: throwing(new Error("x")) };

  test("decides how long the job waits", async () => {
    const retry = { type: "fixed", interval_ms: 123 } as const;
    const { outcome } = startAttempt(task, { job: { retry } });
    expect(await outcome).toMatchObject({ state: "retrying", delayMs: 123 });
  });

  test("does not overrule what the error itself says", async () => {
    const retry = { type: "fixed", interval_ms: 123 } as const;
    const handler = throwing(new errors.RateLimitedError("9s"));
    const { outcome } = startAttempt({ handler }, { job: { retry } });
    expect(await outcome).toMatchObject({ state: "retrying", delayMs: 9_000 });
  });

  test("that is wrong leaves the task's, and is told in the log", async () => {
    const retry = { type: "fixed" } as never;
    const { outcome, lines } = startAttempt(task, { job: { retry } });
    expect(await outcome).toMatchObject({ state: "retrying", delayMs: 7_000 });
    const warnings = lines.filter(({ msg }) => String(msg).includes("own retry policy is wrong"));
    expect(warnings).toMatchObject([{ jobId: "17", msg: expect.stringMatching(/interval_ms/) }]);
  });
});
