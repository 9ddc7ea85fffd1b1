import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { LoopLag } from "../../src/http/loop-lag.ts";

test("a blocked loop is seen, remembered for a while and then forgotten", async () => {
  const lag = new LoopLag({ windowMs: 300 });
  lag.start();
  try {
    await sleep(50);
    const until = performance.now() + 400;
    while (performance.now() < until);
    await expect.poll(() => lag.worstMs).toBeGreaterThan(250);
    await expect.poll(() => lag.worstMs, { timeout: 5_000 }).toBeLessThan(250);
  } finally {
    lag.stop();
  }
});
