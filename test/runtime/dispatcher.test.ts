import { afterEach, expect, test } from "vitest";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addManyBySql, countLocks, signal, testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
afterEach(() => kit?.stop());

test("while it pauses, a process takes no jobs and holds none that it hasn't started", async () => {
  const started = signal();
  const mayEnd = signal();
  let runs = 0;
  kit = await testRuntime({
    work: async () => {
      runs += 1;
      started.resolve();
      await mayEnd.promise;
    },
  });
  await addManyBySql(kit, "work", 50);
  const runtime = kit.createRuntime({ concurrency: 1 });
  await runtime.start();
  await started.promise;
  await runtime.pause();
  expect(runtime.paused).toBe(true);
  mayEnd.resolve();
  const ended = new Promise<void>((resolve) => {
    runtime.events.once("attempt:finished", () => resolve());
  });
  if (runtime.running > 0) await ended;
  // Fifty jobs are due: a process that fetched would start them before this statement ends.
  await kit.db.query("select pg_sleep(0.2)");
  expect(runs).toBe(1);
  expect(await countLocks(kit)).toBe(0);
  const { rows } = await kit.db.query(
    "select sum(attempts)::int as attempts from graphile_worker._private_jobs",
  );
  expect(rows[0].attempts).toBe(0);
  runtime.resume();
  expect(runtime.paused).toBe(false);
  await runtime.drain();
  expect(runs).toBe(50);
  await runtime.stop();
});
