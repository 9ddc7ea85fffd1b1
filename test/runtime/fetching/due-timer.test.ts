import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DueTimer } from "../../../src/runtime/fetching/due-timer.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function timer(): { dueTimer: DueTimer; calls: () => number[] } {
  const startMs = performance.now();
  const calls: number[] = [];
  const dueTimer = new DueTimer(() => calls.push(performance.now() - startMs));
  return { dueTimer, calls: () => calls };
}

test("it says so when each job is due, the sooner one first", () => {
  const { dueTimer, calls } = timer();
  dueTimer.add(500);
  dueTimer.add(100);
  vi.advanceTimersByTime(2_000);
  expect(calls()).toHaveLength(2);
  expect(calls()[0]).toBeGreaterThanOrEqual(100);
  expect(calls()[0]).toBeLessThan(130);
  expect(calls()[1]).toBeGreaterThanOrEqual(500);
  expect(calls()[1]).toBeLessThan(530);
});

test("jobs that are due together share one look", () => {
  const { dueTimer, calls } = timer();
  for (let job = 0; job < 1_000; job += 1) dueTimer.add(200 + job / 100);
  vi.advanceTimersByTime(1_000);
  expect(calls().length).toBeLessThanOrEqual(2);
});

test("what is far away is left to the poll", () => {
  const { dueTimer } = timer();
  dueTimer.add(60_001);
  expect(vi.getTimerCount()).toBe(0);
});

test("after a stop nothing is due", () => {
  const { dueTimer, calls } = timer();
  dueTimer.add(100);
  dueTimer.stop();
  vi.advanceTimersByTime(1_000);
  expect(calls()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
