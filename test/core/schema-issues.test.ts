import { expect, test } from "vitest";
import { formatIssues, formatPath } from "../../src/core/schema-issues.ts";

test.each([
  [[], "$"],
  [["to"], "$.to"],
  [["items", 2, "price"], "$.items[2].price"],
  [["unit price"], '$["unit price"]'],
  [[{ key: "to" }], "$.to"],
  [[Symbol("s")], '$["Symbol(s)"]'],
])("path %j", (path, text) => {
  expect(formatPath(path)).toBe(text);
});

test("every issue comes with its path", () => {
  const issues = [{ message: "required", path: ["to"] }, { message: "not an object" }];
  expect(formatIssues(issues)).toBe("$.to: required; $: not an object");
});

test("more than twenty issues are counted", () => {
  const issues = Array.from({ length: 25 }, (_, index) => ({ message: "bad", path: [index] }));
  expect(formatIssues(issues)).toMatch(/\$\[19\]: bad; and 5 more$/);
});
