import { expect, test } from "vitest";
import {
  nextChange,
  RunningSlots,
  readRunningSlots,
  ringBell,
} from "../../../src/runtime/presence/running-slots.ts";

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

test("a thread that waits is woken by the next change, or by the bell", async () => {
  const slots = new RunningSlots(1);
  const waiting = nextChange(slots.buffer, 0, 600_000);
  const slot = slots.take("1");
  await waiting;
  const told = nextChange(slots.buffer, 1, 600_000);
  ringBell(slots.buffer);
  await told;
  slots.free(slot);
});

test("it does not wait for a change that has been already", async () => {
  const slots = new RunningSlots(1);
  slots.take("1");
  await nextChange(slots.buffer, 0, 600_000);
});

test("without a change it waits as long as it was told to", async () => {
  const slots = new RunningSlots(1);
  await nextChange(slots.buffer, 0, 1);
  expect(readRunningSlots(slots.buffer).changes).toBe(0);
});
