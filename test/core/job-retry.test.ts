import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultRetry } from "../../src/core/backoff.ts";
import { jobBackoffMs, jobMaxAttempts, jobRetryProblem } from "../../src/core/job-retry.ts";
import type { JobRetry } from "../../src/core/retry-policy.ts";

function delays(retry: JobRetry, attempts: number, task = { ...defaultRetry, jitter: 0 }) {
  const each = Array.from({ length: attempts }, (_, index) => index + 1);
  return each.map((attempt) => jobBackoffMs(retry, task, attempt, 0.9));
}

describe("a strategy waits exactly", () => {
  const table: [retry: JobRetry, delaysMs: number[]][] = [
    [
      { type: "exponential", base_delay_ms: 1_000, multiplier: 2, max_delay_ms: 300_000 },
      [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000],
    ],
    [{ type: "Exponential", base_delay_ms: 7, multiplier: 1.5 }, [10, 15, 23, 35, 53]],
    [{ type: "exponential", base_delay_ms: 9, multiplier: 0.5 }, [4, 2, 1, 0]],
    [
      { type: "linear", base_delay_ms: 1_000, increment_ms: 500, max_delay_ms: 2_200 },
      [1_500, 2_000, 2_200, 2_200],
    ],
    [{ type: "Linear", base_delay_ms: 0, increment_ms: 3 }, [3, 6, 9]],
    [{ type: "fixed", interval_ms: 12_345 }, [12_345, 12_345, 12_345]],
    [{ type: "Fixed", interval_ms: 0 }, [0, 0]],
  ];
  test.each(table)("%j", (retry, delaysMs) => {
    expect(delays(retry, delaysMs.length)).toEqual(delaysMs);
  });

  test("whatever jitter the task has", () => {
    const retry = { type: "fixed", interval_ms: 1_000 } as const;
    expect(delays(retry, 1, { ...defaultRetry, jitter: 1 } as never)).toEqual([1_000]);
  });

  test("but never for more than some 31 years", () => {
    const retry = { type: "exponential", base_delay_ms: 1e12, multiplier: 1e9 } as const;
    expect(jobBackoffMs(retry, defaultRetry, 32_766, 0)).toBe(1e12);
    const policy = { baseDelay: "999999d", maxDelay: "999999d" };
    expect(jobBackoffMs(policy, defaultRetry, 1, 0)).toBe(1e12);
  });
});

describe("a policy", () => {
  test("is laid over the task's, option by option", () => {
    const task = { ...defaultRetry, strategy: "fixed", baseDelay: "7s", jitter: 0 } as const;
    expect(jobBackoffMs({ maxAttempts: 9 }, task, 2, 0.9)).toBe(7_000);
    expect(jobBackoffMs({ baseDelay: "1s" }, task, 2, 0.9)).toBe(1_000);
    expect(jobBackoffMs({ strategy: "exponential" }, task, 2, 0.9)).toBe(14_000);
  });

  test("stands for a task's function", () => {
    expect(jobBackoffMs({ jitter: 0 }, () => "give_up", 2, 0.9)).toBe(2_000);
  });
});

test("either form says how many attempts there are, or leaves it open", () => {
  expect(jobMaxAttempts({ maxAttempts: 4 })).toBe(4);
  expect(jobMaxAttempts({ type: "fixed", interval_ms: 1, max_attempts: 5 })).toBe(5);
  expect(jobMaxAttempts({ type: "fixed", interval_ms: 1 })).toBeUndefined();
});

describe("what is no retry policy is told by the name of its part", () => {
  test.each([
    ["soon", 'retry: got "soon", expected an object'],
    [[], "retry: got [], expected an object"],
    [null, "retry: got null, expected an object"],
    [{ factor: 0.5 }, "retry.factor: got 0.5, expected a number of at least 1"],
    [{ basedelay: 1 }, "retry.basedelay: unknown option, did you mean baseDelay?"],
    [{ type: "x" }, 'retry.type: got "x", expected "exponential", "linear" or "fixed"'],
    [{ type: null }, "retry.type: got null, expected"],
    [{ type: "FIXED" }, 'retry.type: got "FIXED", expected'],
    [{ type: "fixed" }, "retry.interval_ms: missing, expected a number of milliseconds"],
    [{ type: "fixed", interval_ms: "1" }, 'retry.interval_ms: got "1", expected'],
    [{ type: "fixed", interval_ms: -1 }, "retry.interval_ms: got -1, expected"],
    [{ type: "fixed", interval_ms: 1, max_attempts: 0 }, "retry.max_attempts: got 0, expected"],
    [{ type: "fixed", interval_ms: 1, multiplyer: 2 }, "retry.multiplyer: unknown field, expected"],
    [{ type: "linear", base_delay_ms: 1 }, "retry.increment_ms: missing"],
    [
      { type: "exponential", base_delay_ms: 1, multiplier: 0 },
      "retry.multiplier: got 0, expected a number above 0",
    ],
    [
      { type: "linear", base_delay_ms: 1, increment_ms: 1, max_delay_mss: 1 },
      "retry.max_delay_mss: unknown field, did you mean max_delay_ms?",
    ],
  ])("%j", (retry, problem) => {
    expect(jobRetryProblem(retry)).toContain(problem);
  });

  test.each([
    [{}],
    [{ strategy: "linear", baseDelay: "1h30m", maxAttempts: 3 }],
    [{ type: "Fixed", interval_ms: 1.5, max_attempts: 32_767 }],
  ])("%j is one", (retry) => {
    expect(jobRetryProblem(retry)).toBeNull();
  });
});

test("any right policy gives a wait that can be waited for, and no shorter one the next time", () => {
  const ms = fc.oneof(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.constantFrom(0, 1, 1e12));
  const multiplier = fc.oneof(
    fc.double({ min: 1, max: 1e6, noNaN: true }),
    fc.constantFrom(1, Number.MAX_VALUE),
  );
  const max = fc.option(ms, { nil: undefined });
  const policies: fc.Arbitrary<JobRetry> = fc.oneof(
    fc.record({
      type: fc.constantFrom("exponential", "Exponential"),
      base_delay_ms: ms,
      multiplier,
      max_delay_ms: max,
    }),
    fc.record({
      type: fc.constantFrom("linear", "Linear"),
      base_delay_ms: ms,
      increment_ms: ms,
      max_delay_ms: max,
    }),
    fc.record({ type: fc.constantFrom("fixed", "Fixed"), interval_ms: ms }),
    fc.record({ baseDelay: ms, factor: multiplier, jitter: fc.constant(0) }),
  ) as fc.Arbitrary<JobRetry>; // why: undefined stands for a field that was left out
  fc.assert(
    fc.property(policies, fc.integer({ min: 1, max: 32_766 }), (retry, attempt) => {
      expect(jobRetryProblem(retry)).toBeNull();
      const [before = Number.NaN, after] = [attempt, attempt + 1].map((n) =>
        jobBackoffMs(retry, defaultRetry, n, 0.5),
      );
      expect(before).toBeGreaterThanOrEqual(0);
      expect(after).toBeLessThanOrEqual(1e12);
      expect(after).toBeGreaterThanOrEqual(before);
    }),
    { seed: 1, numRuns: 1_000 },
  );
});
