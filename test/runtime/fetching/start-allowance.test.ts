import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { StartAllowance } from "../../../src/runtime/fetching/start-allowance.ts";

function takeAll(allowance: StartAllowance): number {
  let taken = 0;
  while (allowance.take()) taken += 1;
  return taken;
}

test("so many may start in one turn of the event loop, and as many in the next", async () => {
  let renewed = 0;
  const allowance = new StartAllowance(() => {
    renewed += 1;
  });
  const first = takeAll(allowance);
  expect(first).toBeGreaterThan(24);
  // Promises that resolve don't let the loop go round.
  await Promise.resolve();
  expect(allowance.take()).toBe(false);
  expect(allowance.usedUp).toBe(true);
  await nextTurn();
  expect(renewed).toBe(1);
  expect(allowance.usedUp).toBe(false);
  expect(takeAll(allowance)).toBe(first);
});

test("nobody is called who was refused nothing", async () => {
  let renewed = 0;
  const allowance = new StartAllowance(() => {
    renewed += 1;
  });
  expect(allowance.take()).toBe(true);
  await nextTurn();
  await nextTurn();
  expect(renewed).toBe(0);
  expect(allowance.usedUp).toBe(false);
});
