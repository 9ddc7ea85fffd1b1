import fc from "fast-check";
import { expect, test } from "vitest";
import { tooDeepAt } from "../../src/http/too-deep-at.ts";

test.each([
  ["[[1]]", 2, null],
  ["[[1]]", 1, 1],
  ['{"a":{"b":[]}}', 2, 10],
  ['["[[[[", "\\"[[", "\\\\", [1]]', 2, null],
  ['["[[[[", "\\"[[", "\\\\", [[1]]]', 2, 24],
  ["1", 0, null],
  ['"never ended [[[', 0, null],
  ["[],[],[],[]", 1, null],
  ["[".repeat(100_000), 1_000, 1_000],
])("%j deeper than %d: at %j", (json, most, place) => {
  expect(tooDeepAt(json, most)).toBe(place);
});

test("any JSON is as deep as its value", () => {
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null
      ? 1 + Math.max(0, ...Object.values(value).map(depthOf))
      : 0;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8, stringUnit: "binary" }), (value) => {
      const depth = depthOf(value);
      for (const space of [0, 2]) {
        const json = JSON.stringify(value, null, space);
        expect(tooDeepAt(json, depth)).toBeNull();
        if (depth > 0) expect(tooDeepAt(json, depth - 1)).toBeGreaterThanOrEqual(0);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});
