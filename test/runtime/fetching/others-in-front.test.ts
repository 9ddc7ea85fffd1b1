import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { OthersInFront } from "../../../src/runtime/fetching/others-in-front.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("nobody is asked while fetches are quick", () => {
  let asked = 0;
  const others = new OthersInFront(async () => {
    asked += 1;
    return true;
  });
  for (let n = 0; n < 100; n += 1) others.fetched(3);
  expect(asked).toBe(0);
  expect(others.found).toBe(false);
});

test("after a slow fetch it is asked, and then now and then until they have gone", async () => {
  const answers = [true, true, false];
  let asked = 0;
  const others = new OthersInFront(async () => answers[asked++] ?? false);
  others.fetched(50);
  others.fetched(50);
  await nextTurn();
  expect({ asked, found: others.found }).toEqual({ asked: 1, found: true });
  others.fetched(1);
  expect(asked).toBe(1);
  for (const found of [true, false]) {
    vi.advanceTimersByTime(2000);
    others.fetched(1);
    await nextTurn();
    expect(others.found).toBe(found);
  }
  vi.advanceTimersByTime(2000);
  others.fetched(1);
  expect(asked).toBe(3);
});

test("what was known holds when the question fails", async () => {
  let fails = false;
  const others = new OthersInFront(async () => {
    if (fails) throw new Error("the database is away");
    return true;
  });
  others.fetched(50);
  await nextTurn();
  fails = true;
  vi.advanceTimersByTime(2000);
  others.fetched(50);
  await nextTurn();
  expect(others.found).toBe(true);
});
