import { expect, test } from "vitest";
import { carefulJson } from "../../src/core/careful-json.ts";

test("plain data stays as JSON.stringify would have it", () => {
  const data = { a: [1, "two", null, undefined, { b: true }], at: new Date(0), gone: undefined };
  expect(carefulJson(data)).toEqual({ json: JSON.stringify(data), changes: [], more: 0 });
});

test("a key named __proto__ is a key like any other", () => {
  const data = JSON.parse('{"__proto__": {"admin": true}}');
  expect(carefulJson(data).json).toBe('{"__proto__":{"admin":true}}');
});

test("the same object twice is not circular", () => {
  const shared = { a: 1n };
  expect(carefulJson([shared, shared])).toEqual({
    json: '[{"a":"1n"},{"a":"1n"}]',
    changes: ["a BigInt at $[0].a", "a BigInt at $[1].a"],
    more: 0,
  });
});

test("what undefined is as a whole is null", () => {
  expect(carefulJson(undefined).json).toBe("null");
});
