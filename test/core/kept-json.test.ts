import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { fromKeptJson, toKeptJson } from "../../src/core/kept-json.ts";
import { StepError } from "../../src/core/task-errors.ts";

test.each([
  ["undefined", undefined],
  ["null", null],
  ["a text with everything", 'a "\\ \0 \ud800 \u2028'],
  ["numbers", [0, -1.5, 1e300]],
  ["an object", { a: [true, { b: null }], "c d": "" }],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
  ["a thousand levels", nested(1_000)],
  ["the same object twice", ((same) => [same, same])({ a: 1 })],
])("%s comes back as it was", (_, value) => {
  expect(fromKeptJson(toKeptJson(value, "x"))).toEqual(value);
});

test("an object of another realm is plain too", () => {
  const foreign = runInNewContext("({ a: [1] })");
  expect(toKeptJson(foreign, "x")).toBe('{"a":[1]}');
});

test("properties that are undefined are left out", () => {
  expect(toKeptJson({ a: undefined, b: 1 }, "x")).toBe('{"b":1}');
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

class Money {
  cents = 1;
}
const circle: Record<string, unknown> = { inner: [] };
circle.inner = [circle];

test.each([
  ["a Date", { at: new Date(0) }, "a Date, which would come back as a string"],
  [
    "a Map",
    { of: new Map() },
    "an instance of Map, which would come back as a plain object, at $.of",
  ],
  [
    "a class",
    [new Money()],
    "an instance of Money, which would come back as a plain object, at $[0]",
  ],
  ["a BigInt", { n: [1, 2n] }, "a BigInt at $.n[1]; return it as a string"],
  ["NaN", { n: Number.NaN }, "NaN at $.n"],
  ["a function", { f() {} }, "function at $.f"],
  ["undefined in an array", [1, undefined], "undefined at $[1]"],
  ["a hole", { list: new Array(1) }, "undefined at $.list[0]"],
  ["toJSON", { at: { toJSON: () => 1 } }, "an object with toJSON at $.at"],
  [
    "a getter that throws",
    {
      of: {
        get it() {
          throw new Error("not now");
        },
      },
    },
    "a value that can't be read (not now) at $.of.it",
  ],
  ["a thousand levels and one", nested(1_001), "more than 1000 levels at $[0][0]"],
  ["a circle", circle, "a circular reference at $.inner[0]"],
])("%s is refused, with its place", (_, value, fault) => {
  const keep = () => toKeptJson(value, 'step "pay"');
  expect(keep).toThrow(StepError);
  expect(keep).toThrow(`the result of step "pay" can't be kept: ${fault}`);
});
