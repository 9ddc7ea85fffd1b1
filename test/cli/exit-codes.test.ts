import { expect, test } from "vitest";
import { exitCodeMeanings, exitCodes } from "../../src/cli/exit-codes.ts";

test("every code has its own number and a meaning", () => {
  const numbers = Object.values(exitCodes);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(Object.keys(exitCodeMeanings)).toEqual(Object.keys(exitCodes));
});
