import { afterEach, expect, test, vi } from "vitest";
import { SpacedScan } from "../../src/store/spaced-scan.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("a question is asked again when it is time, and answered from before until then", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  let asked = 0;
  const scan = new SpacedScan({ intervalMs: 30, share: 1 }, async () => {
    asked += 1;
    return asked;
  });
  expect(await scan.answer()).toBe(1);
  expect(await scan.answer()).toBe(1);
  vi.advanceTimersByTime(29);
  expect(await scan.fresh()).toBeNull();
  vi.advanceTimersByTime(1);
  expect(await scan.fresh()).toBe(2);
  expect(await scan.answer()).toBe(2);
});

test("a dear question is asked the more seldom", async () => {
  const startMs = performance.now();
  const scan = new SpacedScan({ intervalMs: 0, share: 0.25 }, async () => {
    const until = performance.now() + 20;
    while (performance.now() < until);
  });
  await scan.answer();
  while ((await scan.fresh()) === null) await Promise.resolve();
  // 20 ms of asking leave at least 80 ms to other things, before another 20 ms.
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(115);
});
