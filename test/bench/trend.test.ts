import { describe, expect, test } from "vitest";
import { trendOf } from "../../bench/support/trend.ts";
import { randomNumbers } from "../support/random-numbers.ts";

/** An hour of samples, one each 10 s. */
function samplesOf(value: (index: number) => number) {
  return Array.from({ length: 360 }, (_, index) => ({ atHours: index / 360, value: value(index) }));
}

describe("a trend", () => {
  test("finds a slope under noise and says how sure it is", () => {
    const random = randomNumbers(1);
    const trend = trendOf(samplesOf((index) => 100 + index / 36 + 4 * (random() - 0.5)));
    expect(trend.slopePerHour).toBeGreaterThan(9);
    expect(trend.slopePerHour).toBeLessThan(11);
    expect(trend.low).toBeLessThan(10);
    expect(trend.high).toBeGreaterThan(10);
    expect(trend.growth).toBeCloseTo(trend.slopePerHour, 1);
    expect(trend.isGrowth).toBe(true);
  });

  test("sees no growth in noise, in a fall, or in what stands still", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = randomNumbers(seed);
      expect(trendOf(samplesOf(() => 100 + random())).isGrowth, `seed ${seed}`).toBe(false);
    }
    expect(trendOf(samplesOf((index) => -index)).isGrowth).toBe(false);
    expect(trendOf(samplesOf(() => 7))).toMatchObject({ slopePerHour: 0, isGrowth: false });
  });

  test("takes no wandering for growth", () => {
    let taken = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomNumbers(seed);
      let level = 0;
      const wandering = samplesOf(() => {
        level = 0.7 * level + random() - 0.5;
        return 100 + level;
      });
      if (trendOf(wandering).isGrowth) taken += 1;
    }
    expect(taken).toBeLessThan(10);
  });

  test("needs samples", () => {
    expect(() => trendOf([])).toThrow(/at least 8/);
  });
});
