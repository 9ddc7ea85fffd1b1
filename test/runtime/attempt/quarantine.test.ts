import { expect, test } from "vitest";
import { isQuarantined, Quarantine } from "../../../src/runtime/attempt/quarantine.ts";

const never = new Promise<void>(() => {});

test("a job is quarantined when one more crash would make it fail", () => {
  expect([0, 1, 2, 3].map((crashes) => isQuarantined({ crashes }))).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

test("each waits for all before it, also for one that failed", async () => {
  const quarantine = new Quarantine();
  const told: string[] = [];
  const end = Promise.withResolvers<void>();
  const first = quarantine.run(async () => {
    told.push("first begins");
    await end.promise;
    told.push("first ends");
    throw new Error("no");
  }, never);
  const second = quarantine.run(async () => told.push("second"), never);
  const third = quarantine.run(async () => told.push("third"), never);
  await Promise.resolve();
  end.resolve();
  await expect(first).rejects.toThrow("no");
  await second;
  await third;
  expect(told).toEqual(["first begins", "first ends", "second", "third"]);
});

test("one that is hastened doesn't wait, and those behind it wait for all", async () => {
  const quarantine = new Quarantine();
  const told: string[] = [];
  const end = Promise.withResolvers<void>();
  const first = quarantine.run(() => end.promise, never);
  const hastened = quarantine.run(async () => told.push("hastened"), Promise.resolve());
  const last = quarantine.run(async () => told.push("last"), never);
  await hastened;
  expect(told).toEqual(["hastened"]);
  end.resolve();
  await first;
  await last;
  expect(told).toEqual(["hastened", "last"]);
});
