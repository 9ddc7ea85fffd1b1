import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LoopPulse, takeLoopLag } from "../../../src/runtime/presence/loop-pulse.ts";

let pulse: LoopPulse;
beforeEach(() => {
  pulse = new LoopPulse();
  pulse.start();
});
afterEach(() => pulse.stop());

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test("a blocked loop is told once it goes on, and then forgotten", async () => {
  block(900);
  await expect.poll(() => takeLoopLag(pulse.buffer)).toBeGreaterThan(500);
  await expect.poll(() => takeLoopLag(pulse.buffer)).toBeLessThan(300);
});

test("another thread sees that the loop is blocked while it is", async () => {
  const told = new SharedArrayBuffer(4);
  const url = JSON.stringify(
    new URL("../../../src/runtime/presence/loop-pulse.ts", import.meta.url),
  );
  const watcher = new Worker(
    `const { workerData, parentPort } = require("node:worker_threads");
     import(${url}).then(({ takeLoopLag }) => {
       parentPort.postMessage("ready");
       const lag = new Int32Array(workerData.told);
       const timer = setInterval(() => {
         lag[0] = Math.max(lag[0], takeLoopLag(workerData.pulse));
         if (lag[0] > 500) Atomics.notify(lag, 0), clearInterval(timer);
       }, 20);
     });`,
    { eval: true, workerData: { told, pulse: pulse.buffer } },
  );
  await new Promise((resolve) => watcher.once("message", resolve));
  const lag = new Int32Array(told);
  const until = performance.now() + 20_000;
  while ((lag[0] ?? 0) <= 500 && performance.now() < until);
  expect(lag[0]).toBeGreaterThan(500);
  await watcher.terminate();
  await sleep(0);
});
