import { afterEach, expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addManyBySql, countLocks, signal, testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
afterEach(() => kit?.stop());

test("a graceful stop lets handlers end and writes their outcome", async () => {
  const started = signal();
  const mayEnd = signal();
  kit = await testRuntime({
    work: async () => {
      started.resolve();
      await mayEnd.promise;
      return "done";
    },
  });
  const runtime = kit.createRuntime({ shutdownGraceMs: 30_000 });
  await runtime.start();
  const { id } = await kit.enqueue("work");
  await started.promise;
  const stopped = runtime.stop();
  mayEnd.resolve();
  await stopped;
  expect(await kit.job(id)).toMatchObject({ state: "completed", output: "done" });
  expect(await countLocks(kit)).toBe(0);
  const { rows } = await kit.db.query("select id from taskrun.processes");
  expect(rows).toEqual([]);
});

test("after the grace the signal aborts, and a handler that gives up has its job given back", async () => {
  const started = signal();
  let reason: unknown;
  kit = await testRuntime({
    patient: async (_payload: unknown, ctx: TaskContext) => {
      started.resolve();
      await new Promise((_, reject) => {
        ctx.signal.addEventListener("abort", () => {
          reason = ctx.signal.reason;
          reject(ctx.signal.reason);
        });
      });
    },
  });
  const runtime = kit.createRuntime({ shutdownGraceMs: 10, shutdownDeadlineMs: 30_000 });
  await runtime.start();
  const { id } = await kit.enqueue("patient");
  await started.promise;
  await runtime.stop();
  expect(reason).toMatchObject({ name: "ShutdownError" });
  expect(await kit.job(id)).toMatchObject({ state: "pending", attempts: 0, error: null });
  expect(await countLocks(kit)).toBe(0);
});

test("a handler that ignores the signal has its job given back at the deadline", async () => {
  const started = signal();
  kit = await testRuntime({
    deaf: async () => {
      started.resolve();
      await new Promise(() => {});
    },
  });
  const runtime = kit.createRuntime({ shutdownGraceMs: 10, shutdownDeadlineMs: 10 });
  await runtime.start();
  const { id } = await kit.enqueue("deaf");
  await started.promise;
  await runtime.stop();
  expect(await kit.job(id)).toMatchObject({ state: "pending", attempts: 0 });
  expect(await countLocks(kit)).toBe(0);
});

test("stopNow hastens a stop that is waiting for a handler", async () => {
  const started = signal();
  kit = await testRuntime({
    deaf: async () => {
      started.resolve();
      await new Promise(() => {});
    },
  });
  const runtime = kit.createRuntime({ shutdownGraceMs: 3_600_000, shutdownDeadlineMs: 3_600_000 });
  await runtime.start();
  const { id } = await kit.enqueue("deaf");
  await started.promise;
  const stopped = runtime.stop();
  await runtime.stopNow();
  await stopped;
  expect(await kit.job(id)).toMatchObject({ state: "pending", attempts: 0 });
  expect(await countLocks(kit)).toBe(0);
});

test("a stop amid a full queue loses nothing, counts nothing twice and leaves no lock", async () => {
  let ran = 0;
  const underWay = signal();
  kit = await testRuntime({
    small: async () => {
      ran += 1;
      if (ran === 300) underWay.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
  });
  await addManyBySql(kit, "small", 3000);
  const runtime = kit.createRuntime();
  await runtime.start();
  await underWay.promise;
  await runtime.stop();
  const { rows } = await kit.db.query(
    `select state, count(*)::int as n, max(attempts) as attempts from taskrun.jobs
     group by state order by state`,
  );
  const ended = rows.find((row) => row.state === "completed");
  expect(ended?.n).toBe(ran);
  expect(rows.reduce((sum, row) => sum + row.n, 0)).toBe(3000);
  for (const row of rows) expect(row.attempts).toBe(row.state === "completed" ? 1 : 0);
  expect(await countLocks(kit)).toBe(0);
});
