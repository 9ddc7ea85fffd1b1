import { expect, test } from "vitest";
import { within } from "../../src/runtime/within.ts";

const never = new Promise(() => {});

test("it tells what ended in time from what didn't", async () => {
  expect(await within(60_000, Promise.resolve(), null)).toBe(true);
  expect(await within(1, never, null)).toBe(false);
});

test("who is in a hurry waits no longer", async () => {
  const hurry = new AbortController();
  const inTime = within(60_000, never, hurry.signal);
  hurry.abort();
  expect(await inTime).toBe(false);
});

test("what fails in time is the caller's to hear of", async () => {
  await expect(within(60_000, Promise.reject(new Error("broken")), null)).rejects.toThrow("broken");
});
