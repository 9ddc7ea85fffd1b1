import { once } from "node:events";
import { tmpdir } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import type { TaskContext } from "../../src/core/context.ts";
import { createRuntime } from "../../src/runtime/create-runtime.ts";
import { pause } from "../../src/store/transient.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import {
  addBySql,
  addManyBySql,
  countLocks,
  signal,
  testRuntime,
} from "../support/test-runtime.ts";

/** Those that keep a process from ending; the test runner and the kit's pool have some. */
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

/** The test runner may have one for a moment; what is left behind stays until this hangs. */
async function untilTimersAreAtMost(count: number): Promise<void> {
  while (timers() > count) await nextTurn();
}

/** Resolves when the server has none of this database any more. */
async function untilNoConnection(): Promise<void> {
  const text = `select application_name from pg_stat_activity
    where application_name like 'taskrun%' and datname = current_database()`;
  await expect.poll(async () => (await kit.db.query(text)).rows).toEqual([]);
}

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

test("a stop leaves no timer behind that would hold up the process", async () => {
  kit = await testRuntime({ quick: async () => null });
  const runtime = kit.createRuntime({ shutdownGraceMs: 3_600_000, shutdownDeadlineMs: 3_600_000 });
  const id = await addBySql(kit, "quick");
  const before = timers();
  await runtime.drain();
  await runtime.stop();
  await untilTimersAreAtMost(before);
  expect(await kit.job(id)).toMatchObject({ state: "completed" });
});

test("a process that could not write its outcomes doesn't sign off, so that others see it silent", async () => {
  const started = signal();
  const mayEnd = signal();
  kit = await testRuntime({
    work: async () => {
      started.resolve();
      await mayEnd.promise;
    },
  });
  const runtime = kit.createRuntime();
  await runtime.start();
  const id = await addBySql(kit, "work");
  await started.promise;
  // One that never beat, and whose number is seen, would be taken for one that can't beat yet.
  const beaten = "select 1 from taskrun.processes where beat_seq > 0";
  while ((await kit.db.query(beaten)).rowCount === 0) await pause(20);
  const blocker = await kit.db.connect();
  await blocker.query("begin");
  await blocker.query("select 1 from graphile_worker._private_jobs for update");
  mayEnd.resolve();
  await runtime.stopNow();
  const { rows } = await kit.db.query("select id from taskrun.processes where dead_at is null");
  expect(rows).toEqual([{ id: runtime.processId }]);
  await blocker.query("rollback");
  blocker.release();
  const other = kit.createRuntime({ heartbeatIntervalMs: 50, pollIntervalMs: 50 });
  const buried = once(other.events, "process:buried");
  await other.start();
  expect(await buried).toMatchObject([{ processId: runtime.processId }]);
  await other.stop();
  expect(await countLocks(kit)).toBe(0);
  expect(["completed", "retrying"]).toContain((await kit.job(id))?.state);
});

test("stop before start, twice, and after a start that failed ends everything", async () => {
  kit = await testRuntime({ quick: async () => null });
  await kit.db.query("select 1");
  const before = timers();
  const never = kit.createRuntime();
  await Promise.all([never.stop(), never.stop(), never.stopNow()]);
  const nowhere = kit.connectionString.replace(/[^/]*$/, "no_such_database");
  const failing = createRuntime({
    config: { ...(await loadConfig({ folder: tmpdir(), environment: {} })).config },
    connectionString: nowhere,
    loader: { load: async () => ({ tasks: new Map(), failures: [] }), close: async () => {} },
    logger: pino({ level: "silent" }),
  });
  await expect(failing.start()).rejects.toMatchObject({ code: "3D000" });
  await failing.stop();
  await untilNoConnection();
  await untilTimersAreAtMost(before);
});

test("a loader that can't be closed is reported, and the connections end nevertheless", async () => {
  kit = await testRuntime({});
  const runtime = createRuntime({
    config: (await loadConfig({ folder: tmpdir(), environment: {} })).config,
    connectionString: kit.connectionString,
    loader: {
      load: async () => ({ tasks: new Map(), failures: [] }),
      close: () => Promise.reject(new Error("watcher is stuck")),
    },
    logger: pino({ level: "silent" }),
  });
  await runtime.start();
  await expect(runtime.stop()).rejects.toThrow("watcher is stuck");
  await untilNoConnection();
});

test("a drain ends when the process is stopped, though jobs are due", async () => {
  const started = signal();
  kit = await testRuntime({
    work: async (_payload: unknown, ctx: TaskContext) => {
      started.resolve();
      await new Promise((_, reject) => {
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
      });
    },
  });
  await addManyBySql(kit, "work", 30);
  const runtime = kit.createRuntime({ shutdownGraceMs: 10 });
  const drained = runtime.drain();
  await started.promise;
  await runtime.stop();
  expect(await drained).toMatchObject({ completed: 0 });
  expect(await countLocks(kit)).toBe(0);
});
