import fc from "fast-check";
import { expect, test } from "vitest";
import { percentileMs } from "../../src/core/bucket-counts.ts";

/** As `duration_bucket` in the database; a test beside the database holds them together. */
const bucketOf = (ms: number) => (ms < 1 ? 0 : Math.floor(Math.log(ms) / Math.log(1.1)) + 1);

test("a percentile is right to 5 %", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 1e8, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const counts = new Map<number, number>();
        for (const ms of values) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1);
        const sorted = values.toSorted((a, b) => a - b);
        const right = sorted[Math.ceil(values.length * share - 1e-9) - 1] ?? 0;
        const said = percentileMs(counts, share) ?? 0;
        // Half of a tenth, and half of the unit that it is rounded to.
        expect(Math.abs(said - right)).toBeLessThanOrEqual(
          right * 0.051 + (said < 100 ? 0.05 : 0.5),
        );
      },
    ),
  );
});

test("of nothing there is none, and what took no time took none", () => {
  expect(percentileMs(new Map(), 0.5)).toBeNull();
  expect(percentileMs(new Map([[0, 3]]), 0.95)).toBe(0);
});

test("counts that were taken back count no more", () => {
  expect(
    percentileMs(
      new Map([
        [10, 0],
        [0, 1],
      ]),
      0.95,
    ),
  ).toBe(0);
});
