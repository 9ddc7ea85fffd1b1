import { expect, test } from "vitest";
import { priorityNumbers } from "../../src/core/job.ts";

test("named priorities run in the order of their names, normal being the queue's default", () => {
  const { critical, high, normal, low } = priorityNumbers;
  expect([low, normal, critical, high].toSorted((a, b) => a - b)).toEqual([
    critical,
    high,
    normal,
    low,
  ]);
  expect(normal).toBe(0);
});
