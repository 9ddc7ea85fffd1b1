import { expect, test } from "vitest";
import { keepsNothing } from "../../src/core/keeps-nothing.ts";
import type { OutcomeState } from "../../src/core/outcome.ts";

const states: OutcomeState[] = [
  "completed",
  "cancelled",
  "failed",
  "retrying",
  "snoozed",
  "returned",
];

test("only an ending whose retention is 0 leaves nothing, never one after which the job goes on", () => {
  const nothing = { completedMs: 0, cancelledMs: 0, failedMs: 0 };
  expect(states.filter((state) => keepsNothing(nothing, state))).toEqual(states.slice(0, 3));
  const something = { completedMs: 1, cancelledMs: null, failedMs: 1 };
  expect(states.filter((state) => keepsNothing(something, state))).toEqual([]);
  expect(keepsNothing({ ...something, failedMs: 0 }, "failed")).toBe(true);
});
