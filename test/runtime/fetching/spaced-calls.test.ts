import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SpacedCalls } from "../../../src/runtime/fetching/spaced-calls.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("the first call is made at once, those asked for soon after as one", () => {
  let calls = 0;
  const spaced = new SpacedCalls(20, () => {
    calls += 1;
  });
  spaced.ask();
  expect(calls).toBe(1);
  spaced.ask();
  spaced.ask();
  expect(calls).toBe(1);
  vi.advanceTimersByTime(19);
  expect(calls).toBe(1);
  vi.advanceTimersByTime(1);
  expect(calls).toBe(2);
  vi.advanceTimersByTime(100);
  expect(calls).toBe(2);
  spaced.ask();
  expect(calls).toBe(3);
});

test("after a stop nothing is called", () => {
  let calls = 0;
  const spaced = new SpacedCalls(20, () => {
    calls += 1;
  });
  spaced.ask();
  spaced.ask();
  spaced.stop();
  vi.advanceTimersByTime(100);
  expect(calls).toBe(1);
});
