import fc from "fast-check";
import { expect, test } from "vitest";
import { showValue } from "../../src/core/show-value.ts";

const circle: Record<string, unknown> = {};
circle.self = circle;
const revoked = Proxy.revocable({}, {});
revoked.revoke();

const shown: [words: string, value: unknown][] = [
  ["a function", () => 1],
  ["5n", 5n],
  ["NaN", Number.NaN],
  ["undefined", undefined],
  ["null", null],
  ["Symbol(s)", Symbol("s")],
  ['"a\\u0000"', "a\0"],
  ['{"a":[1]}', { a: [1] }],
  ["[object Object]", circle],
  ["[object Object]", { a: 1n }],
  ["2030-01-31T08:00:00.000Z", new Date("2030-01-31T08:00:00Z")],
  ["an invalid Date", new Date("x")],
  ["an object that can't be read", revoked.proxy],
];

test.each(shown)("%s", (words, value) => {
  expect(showValue(value)).toBe(words);
});

test("of a long text the beginning is shown, and how long it is", () => {
  expect(showValue("x".repeat(81))).toBe(`"${"x".repeat(61)}…" (81 characters)`);
  expect(showValue({ text: "x".repeat(100) })).toBe(`{"text":"${"x".repeat(70)}…`);
});

test("any value has words, and no more of them than asked for", () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
      expect(showValue(value, 60).length).toBeLessThanOrEqual(60);
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(showValue("x".repeat(50_000_000))).toHaveLength(80);
  expect(showValue("\0".repeat(500)).length).toBeLessThanOrEqual(80);
});
