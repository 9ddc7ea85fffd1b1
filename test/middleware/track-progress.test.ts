import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import { startAttempt } from "../support/start-attempt.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A handler that reports 1, 2, … `times` in steps of `everyMs`. */
function reporting(times: number, everyMs: number) {
  return async (_: unknown, ctx: TaskContext) => {
    for (let done = 1; done <= times; done += 1) {
      await ctx.progress(done, times);
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  };
}

test("the first report is written at once", async () => {
  const { outcome, writes } = startAttempt(reporting(1, 0));
  await outcome;
  expect(writes).toEqual([{ done: 1, total: 1, message: null }]);
});

test("reports are written at most twice a second", async () => {
  const { outcome, writes } = startAttempt(reporting(100, 30));
  await vi.advanceTimersByTimeAsync(3_100);
  await outcome;
  expect(writes.length).toBeGreaterThanOrEqual(6);
  expect(writes.length).toBeLessThanOrEqual(7);
});

test("what is written late is the newest report", async () => {
  const { writes } = startAttempt(async (_: unknown, ctx: TaskContext) => {
    await ctx.progress(1);
    await ctx.progress(2);
    await ctx.progress(3, 9, "third");
    await new Promise(() => {});
  });
  await vi.advanceTimersByTimeAsync(499);
  expect(writes.map((each) => each.done)).toEqual([1]);
  await vi.advanceTimersByTimeAsync(1);
  expect(writes[1]).toEqual({ done: 3, total: 9, message: "third" });
});

test("the last report is on the attempt when its outcome is known", async () => {
  const { attempt, outcome } = startAttempt(reporting(50, 0));
  await outcome;
  expect(attempt.progress).toEqual({ done: 50, total: 50, message: null });
});

test("nothing is written after the outcome is known", async () => {
  const { outcome, writes } = startAttempt(reporting(50, 0));
  await outcome;
  await vi.advanceTimersByTimeAsync(2_000);
  expect(writes).toHaveLength(1);
});

test("a handler that was given up on reports to nobody", async () => {
  let report: TaskContext["progress"] = async () => {};
  const { attempt, outcome, writes } = startAttempt((_: unknown, ctx: TaskContext) => {
    report = ctx.progress;
    return new Promise(() => {});
  });
  attempt.abandon({ state: "returned", reason: "deadline" });
  await outcome;
  await report(5);
  expect(writes).toEqual([]);
  expect(attempt.progress).toBeNull();
});

describe("a report that makes no sense is refused", () => {
  test.each([[-1], [Number.NaN], ["5"], [1, -1], [1, Number.POSITIVE_INFINITY]])(
    "%j %j",
    async (...given: unknown[]) => {
      const { outcome } = startAttempt((_: unknown, ctx: TaskContext) =>
        ctx.progress(...(given as [number, number])),
      );
      expect(await outcome).toMatchObject({
        state: "retrying",
        error: {
          message: expect.stringMatching(
            /^ctx\.progress\(.*\) makes no sense\. Call ctx\.progress/,
          ),
        },
      });
    },
  );
});
