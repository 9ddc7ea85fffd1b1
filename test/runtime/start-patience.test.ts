import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startPatience } from "../../src/runtime/start-patience.ts";

const never = new AbortController().signal;

test.each(["loaded", "not loaded"])("it begins when the tasks are %s", async (how) => {
  const loading = Promise.withResolvers<void>();
  const patience = startPatience(loading.promise, never, 50);
  await sleep(200);
  expect(patience.aborted).toBe(false);
  const loadedMs = performance.now();
  if (how === "loaded") loading.resolve();
  else loading.reject(new Error("no such folder"));
  await once(patience, "abort");
  expect(performance.now() - loadedMs).toBeGreaterThan(45);
});

test("it ends with a stop at once", () => {
  const stopping = new AbortController();
  const patience = startPatience(new Promise(() => {}), stopping.signal, 50);
  stopping.abort();
  expect(patience.aborted).toBe(true);
});
