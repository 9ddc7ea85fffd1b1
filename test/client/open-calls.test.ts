import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { OpenCalls } from "../../src/client/open-calls.ts";

const closed = { code: "client-closed" };

test("a close waits for every call, failed ones too, and lets nothing more in", async () => {
  const calls = new OpenCalls();
  const [first, second] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const running = [calls.run(() => first.promise), calls.run(() => second.promise)];
  const closes = [calls.close(), calls.close()];
  let isOver = false;
  void Promise.all(closes).then(() => {
    isOver = true;
  });
  await expect(calls.run(async () => 1)).rejects.toMatchObject(closed);

  first.reject(new Error("no luck"));
  await expect(running[0]).rejects.toThrow("no luck");
  await nextTurn();
  expect(isOver).toBe(false);

  second.resolve(2);
  expect(await running[1]).toBe(2);
  await Promise.all(closes);
});

test("a close without calls is at once, and a call that throws counts as ended", async () => {
  const calls = new OpenCalls();
  const thrown = calls.run(() => {
    throw new TypeError("at once");
  });
  await expect(thrown).rejects.toThrow("at once");
  await calls.close();
  await calls.close();
  await expect(calls.run(async () => 1)).rejects.toMatchObject(closed);
});
