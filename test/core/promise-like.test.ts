import { expect, test } from "vitest";
import { isPromiseLike } from "../../src/core/promise-like.ts";

test("promises and thenables are promise-like", () => {
  expect(isPromiseLike(Promise.resolve())).toBe(true);
  // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
  expect(isPromiseLike({ then() {} })).toBe(true);
});

test.each([null, undefined, 1, "then", {}, JSON.parse('{"then":1}'), []])("%j is not", (value) => {
  expect(isPromiseLike(value)).toBe(false);
});
