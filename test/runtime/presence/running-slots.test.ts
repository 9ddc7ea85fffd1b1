import { expect, test } from "vitest";
import { RunningSlots, readRunningSlots } from "../../../src/runtime/presence/running-slots.ts";

test("a job is in the list from its start to its end, and each is a change", () => {
  const slots = new RunningSlots(3);
  expect(readRunningSlots(slots.buffer)).toEqual({ changes: 0, ids: [] });
  const first = slots.take("17");
  const second = slots.take("9007199254740991");
  expect(readRunningSlots(slots.buffer).ids.toSorted()).toEqual([17, 9_007_199_254_740_991]);
  slots.free(first);
  expect(readRunningSlots(slots.buffer)).toEqual({ changes: 3, ids: [9_007_199_254_740_991] });
  slots.free(second);
  expect(readRunningSlots(slots.buffer)).toEqual({ changes: 4, ids: [] });
});

test("a slot is used again; beyond the last one a job goes without", () => {
  const slots = new RunningSlots(1);
  const slot = slots.take("1");
  expect(slots.take("2")).toBe(0);
  slots.free(0);
  slots.free(slot);
  expect(slots.take("3")).toBe(slot);
  expect(readRunningSlots(slots.buffer).ids).toEqual([3]);
});
