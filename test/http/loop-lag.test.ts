import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { LoopLag } from "../../src/http/loop-lag.ts";

test("a blocked loop is seen, remembered for a while and then forgotten", async () => {
  const lag = new LoopLag({ windowMs: 2_000 });
  lag.start();
  try {
    await sleep(50);
    const until = performance.now() + 1_000;
    while (performance.now() < until);
    await expect.poll(() => lag.worstMs).toBeGreaterThan(800);
    await expect.poll(() => lag.worstMs).toBeLessThan(800);
  } finally {
    lag.stop();
  }
});
