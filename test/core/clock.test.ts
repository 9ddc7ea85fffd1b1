import { expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";

test("the system's clock waits as long as it is told", async () => {
  const before = systemClock.now();
  await systemClock.wait(20, new AbortController().signal);
  expect(systemClock.now() - before).toBeGreaterThanOrEqual(18);
});

test("an abort ends the waiting at once, before it and during it", async () => {
  const stop = new AbortController();
  const during = systemClock.wait(1e9, stop.signal);
  stop.abort();
  await during;
  await systemClock.wait(1e9, stop.signal);
  expect(stop.signal.aborted).toBe(true);
});
