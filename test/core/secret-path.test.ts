import { expect, test } from "vitest";
import { distinctPaths, parseSecretPath } from "../../src/core/secret-path.ts";

test.each([
  ["$.apiKey", ["apiKey"]],
  ["apiKey", ["apiKey"]],
  ["$.items[*].token", ["items", "*", "token"]],
  ["$.items.*.token", ["items", "*", "token"]],
  ["$[0].token", ["0", "token"]],
  ['$["odd.name"][\'and "another"\']', ["odd.name", 'and "another"']],
  ["$..token", ["**", "token"]],
  ["$.a..b[*]", ["a", "**", "b", "*"]],
  ["$", []],
])("%s", (text, steps) => {
  expect(parseSecretPath(text)).toEqual(steps);
});

test.each(["", "$.", "$..", "a[", "a[x]", "a b]", "$.a[*", '["a'])("%j is none", (text) => {
  expect(parseSecretPath(text)).toBeNull();
});

test("paths are kept once", () => {
  expect(distinctPaths([["a", "b"], ["a"], ["a", "b"]])).toEqual([["a", "b"], ["a"]]);
});
