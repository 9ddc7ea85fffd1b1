import { describe, expect, test } from "vitest";
import { CancelledError, ShutdownError, TaskTimeoutError } from "../../../src/core/task-errors.ts";
import { startAttempt } from "../../support/start-attempt.ts";

const never = () => new Promise(() => {});

describe("abort", () => {
  test("keeps the first reason", () => {
    const { attempt } = startAttempt(never);
    const first = new TaskTimeoutError();
    attempt.abort(first);
    attempt.abort(new ShutdownError());
    attempt.abort(new CancelledError());
    expect(attempt.stopReason).toBe(first);
    expect(attempt.signal.reason).toBe(first);
  });

  test("reaches a signal that was asked for before", () => {
    const { attempt } = startAttempt(never);
    const { signal } = attempt;
    const reason = new CancelledError("x");
    attempt.abort(reason);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe(reason);
  });

  test("reaches a signal that is asked for later", () => {
    const { attempt } = startAttempt(never);
    const reason = new ShutdownError();
    attempt.abort(reason);
    expect(attempt.signal.reason).toBe(reason);
  });

  test("rejects abortPromise, asked for before or later", async () => {
    const { attempt } = startAttempt(never);
    const before = attempt.abortPromise;
    const reason = new ShutdownError();
    attempt.abort(reason);
    await expect(before).rejects.toBe(reason);
    const later = startAttempt(never).attempt;
    later.abort(reason);
    await expect(later.abortPromise).rejects.toBe(reason);
  });
});

test("an abortPromise that nobody listens to is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const collect = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", collect);
  const { attempt } = startAttempt(never);
  void attempt.abortPromise;
  attempt.abort(new ShutdownError());
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", collect);
  expect(unhandled).toEqual([]);
});
