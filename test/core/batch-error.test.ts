import { expect, test } from "vitest";
import { BatchError } from "../../src/core/batch-error.ts";

test("the message says how many entries failed, of how many, and why", () => {
  const error = new BatchError([new Error("no 1"), "no 3", null], 5);
  expect(error.message).toBe("3 of 5 entries of the batch failed: no 1; no 3; null was thrown");
  expect(error).toMatchObject({ name: "BatchError", errors: [{ message: "no 1" }, "no 3", null] });
});

test("the message shows ten reasons at most", () => {
  const reasons = Array.from({ length: 11 }, (_, index) => new Error(`e${index}`));
  expect(new BatchError(reasons, 11).message).toMatch(/^11 of 11 .*; e9; …$/);
  expect(new BatchError(reasons.slice(1), 11).message).toMatch(/^10 of 11 .*; e10$/);
});
