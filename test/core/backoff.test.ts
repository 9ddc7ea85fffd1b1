import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffMs, defaultRetry } from "../../src/core/backoff.ts";
import { parseDuration } from "../../src/core/duration.ts";

const middle = 0.5;

function delays(policy: object, attempts: number, random = middle) {
  return Array.from({ length: attempts }, (_, index) =>
    backoffMs({ ...defaultRetry, ...policy }, index + 1, new Error("x"), random),
  );
}

describe("the wait grows", () => {
  test("by default from 1 s, doubling, up to 5 minutes", () => {
    expect(delays({}, 11)).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000,
    ]);
  });

  test("exponentially by the factor", () => {
    expect(delays({ baseDelay: "2s", factor: 3 }, 4)).toEqual([2_000, 6_000, 18_000, 54_000]);
  });

  test("linearly by the increment", () => {
    const policy = { strategy: "linear", baseDelay: "10s", increment: "5s" };
    expect(delays(policy, 3)).toEqual([10_000, 15_000, 20_000]);
  });

  test("linearly by baseDelay where no increment is given", () => {
    expect(delays({ strategy: "linear", baseDelay: "10s" }, 3)).toEqual([10_000, 20_000, 30_000]);
  });

  test("not at all when fixed", () => {
    expect(delays({ strategy: "fixed", baseDelay: "7s" }, 3)).toEqual([7_000, 7_000, 7_000]);
  });

  test("not past maxDelay, however many attempts there were", () => {
    expect(backoffMs(defaultRetry, 32_767, null, 1)).toBe(300_000);
  });
});

describe("jitter", () => {
  test("spreads evenly to both sides of the wait", () => {
    const policy = { baseDelay: "100s", jitter: 0.2 };
    expect(delays(policy, 1, 0)).toEqual([80_000]);
    expect(delays(policy, 1, 0.5)).toEqual([100_000]);
    expect(delays(policy, 1, 1)).toEqual([120_000]);
  });

  test("never goes past maxDelay", () => {
    expect(delays({ baseDelay: "5m", jitter: 1 }, 1, 1)).toEqual([300_000]);
  });

  test("of 0 leaves the wait as it is", () => {
    expect(delays({ jitter: 0 }, 2, 0.9)).toEqual([1_000, 2_000]);
  });
});

describe("a function", () => {
  test("gets the error and the attempt, and answers with a duration", () => {
    const error = new Error("x");
    const seen: unknown[] = [];
    const policy = (...given: unknown[]) => {
      seen.push(...given);
      return "90s";
    };
    expect(backoffMs(policy, 4, error, middle)).toBe(90_000);
    expect(seen).toEqual([error, 4]);
  });

  test("may give up", () => {
    expect(backoffMs(() => "give_up", 1, null, middle)).toBe("give_up");
  });

  test("that answers with nonsense is an error", () => {
    expect(() => backoffMs(() => "whenever", 1, null, middle)).toThrow(
      expect.objectContaining({ code: "bad-duration" }),
    );
  });
});

describe("for any policy", () => {
  const delay = fc.oneof(fc.integer({ min: 0, max: 1e9 }), fc.constantFrom("0ms", "7s", "1h30m"));
  const policies = fc.record({
    strategy: fc.constantFrom("exponential", "linear", "fixed"),
    baseDelay: delay,
    factor: fc.oneof(fc.double({ min: 1, max: 10, noNaN: true }), fc.constantFrom(1, 1e300)),
    increment: fc.option(delay, { nil: undefined }),
    maxDelay: delay,
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    maxAttempts: fc.constant(3),
  });
  const attempts = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 32_767 }));
  const chance = fc.double({ min: 0, max: 1, noNaN: true });
  // why: none of these policies is a function, which alone may give up
  const waitOf = (policy: object, attempt: number, random: number) =>
    backoffMs({ ...defaultRetry, ...policy }, attempt, null, random) as number;

  test("the wait is a number of milliseconds, at most maxDelay", () => {
    fc.assert(
      fc.property(policies, attempts, chance, (policy, attempt, random) => {
        const ms = waitOf(policy, attempt, random);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(parseDuration(policy.maxDelay));
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });

  test("no attempt waits for less than the one before", () => {
    fc.assert(
      fc.property(policies, attempts, chance, (policy, attempt, random) => {
        const [before, after] = [attempt, attempt + 1].map((n) => waitOf(policy, n, random));
        expect(after).toBeGreaterThanOrEqual(before ?? Number.NaN);
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });

  test("jitter stays within its share of the wait", () => {
    fc.assert(
      fc.property(policies, attempts, chance, (policy, attempt, random) => {
        const plainMs = waitOf({ ...policy, jitter: 0 }, attempt, random);
        const ms = waitOf(policy, attempt, random);
        expect(ms).toBeGreaterThanOrEqual(Math.floor(plainMs * (1 - policy.jitter)) - 1);
        expect(ms).toBeLessThanOrEqual(Math.ceil(plainMs * (1 + policy.jitter)) + 1);
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });
});
