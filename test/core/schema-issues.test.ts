import { expect, test } from "vitest";
import { formatIssues, formatPath } from "../../src/core/schema-issues.ts";

test.each([
  [[], "$"],
  [["to"], "$.to"],
  [["items", 2, "price"], "$.items[2].price"],
  [["unit price"], '$["unit price"]'],
  [[{ key: "to" }], "$.to"],
  [[Symbol("s")], '$["Symbol(s)"]'],
  [["x".repeat(1e5), "a b".repeat(1e5)], `$.${"x".repeat(60)}…["${"a b".repeat(20)}…"]`],
  [Array(1_000).fill(0), `$${"[0]".repeat(10)}…`],
])("path %j", (path, text) => {
  expect(formatPath(path)).toBe(text);
});

test("every issue comes with its path", () => {
  const issues = [{ message: "required", path: ["to"] }, { message: "not an object" }];
  expect(formatIssues(issues)).toBe("$.to: required; $: not an object");
});

test("what a schema says of a megabyte can be read", () => {
  const [message, path] = [`Unrecognized key: "${"x".repeat(1e6)}"`, ["y".repeat(1e6)]];
  const text = formatIssues(Array(30).fill({ message, path }));
  expect(text).toMatch(/^\$\.y{60}…: Unrecognized key: "x+…; /);
  expect(text).toMatch(/; and 2\d more$/);
  expect(text.length).toBeLessThan(2_500);
});

test("more than twenty issues are counted", () => {
  const issues = Array.from({ length: 25 }, (_, index) => ({ message: "bad", path: [index] }));
  expect(formatIssues(issues)).toMatch(/\$\[19\]: bad; and 5 more$/);
});
