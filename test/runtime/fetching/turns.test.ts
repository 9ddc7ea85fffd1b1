import { expect, test } from "vitest";
import { Turns } from "../../../src/runtime/fetching/turns.ts";

test("are taken until a fetch has waited for a second, and again ten seconds later", () => {
  const turns = new Turns();
  expect(turns.areTaken(0)).toBe(true);
  turns.fetched(900, 1_000);
  expect(turns.areTaken(1_000)).toBe(true);
  turns.fetched(1_000, 2_000);
  expect(turns.areTaken(2_000)).toBe(false);
  expect(turns.areTaken(11_999)).toBe(false);
  expect(turns.areTaken(12_000)).toBe(true);
});
