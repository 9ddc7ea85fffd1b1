/** Pauses and each task's own concurrency, with real runtimes: what waits, waits uncounted. */

import { afterEach, describe, expect, test } from "vitest";
import type { Pause } from "../../src/core/events.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import {
  addBySql,
  addManyBySql,
  countLocks,
  signal,
  testRuntime,
} from "../support/test-runtime.ts";

let kit: TestRuntime;
let runtime: Runtime | undefined;

afterEach(async () => {
  await runtime?.stop();
  runtime = undefined;
  await kit?.stop();
});

async function start(concurrency: number): Promise<Runtime> {
  runtime = kit.createRuntime({ concurrency });
  await runtime.start();
  return runtime;
}

async function attemptsInQueue(): Promise<number> {
  const { rows } = await kit.db.query(
    "select coalesce(sum(attempts), 0)::int as attempts from graphile_worker._private_jobs",
  );
  return rows[0].attempts;
}

describe("a task's concurrency", () => {
  /** A handler that says how many of it run at once; none ends before `enough` have done so. */
  function counted(enough: number) {
    const seen = { now: 0, most: 0, order: [] as number[] };
    const atOnce = signal();
    const handler = async ({ n = 0 }: { n?: number }) => {
      seen.now += 1;
      seen.most = Math.max(seen.most, seen.now);
      seen.order.push(n);
      if (seen.now === enough) atOnce.resolve();
      await atOnce.promise;
      await new Promise((resolve) => setTimeout(resolve, 10));
      seen.now -= 1;
    };
    return { seen, handler };
  }

  test("is never exceeded, by whichever name and queue its jobs come, and others go on", async () => {
    const capped = counted(2);
    const other = counted(6);
    kit = await testRuntime({
      capped: { concurrency: 2, aliases: ["old:capped"], handler: capped.handler },
      other: other.handler,
    });
    await addManyBySql(kit, "capped", 20);
    await addManyBySql(kit, "old:capped", 20);
    for (let n = 0; n < 10; n += 1) await addBySql(kit, "capped", {}, `queue_name := 'q${n}'`);
    await addManyBySql(kit, "other", 40);
    // Not started before: what it did until then isn't in the drain's counts.
    runtime = kit.createRuntime({ concurrency: 8 });
    // A slow machine may give back what it has taken ahead; it doesn't count.
    expect(await runtime.drain()).toMatchObject({ completed: 90 });
    expect(capped.seen.most).toBe(2);
    expect(other.seen.most).toBeGreaterThanOrEqual(6);
    const { rows } = await kit.db.query("select distinct attempts from taskrun.history");
    expect(rows).toEqual([{ attempts: 1 }]);
  });

  test("leaves the order by priority as it is, within the task and among tasks", async () => {
    const order: string[] = [];
    const noting =
      (name: string) =>
      async ({ n }: { n: number }) => {
        order.push(`${name} ${n}`);
      };
    kit = await testRuntime({
      one: { concurrency: 1, handler: noting("one") },
      free: noting("free"),
    });
    for (const [task, n] of [
      ["one", 3],
      ["free", 2],
      ["one", 1],
      ["free", 4],
    ] as const) {
      await addBySql(kit, task, { n }, `priority := ${n}`);
    }
    await (await start(1)).drain();
    expect(order).toEqual(["one 1", "free 2", "one 3", "free 4"]);
  });

  test("lets the next job start as soon as one has ended", async () => {
    const handler = () => new Promise((resolve) => setTimeout(resolve, 5));
    const pollIntervalMs = 60_000;
    kit = await testRuntime({ one: { concurrency: 1, handler } }, { pollIntervalMs });
    await addManyBySql(kit, "one", 40);
    const startedAtMs = performance.now();
    await (await start(8)).drain();
    expect(performance.now() - startedAtMs).toBeLessThan(pollIntervalMs);
  });

  test("ends with a reload that changes it", async () => {
    const { seen, handler } = counted(4);
    kit = await testRuntime({ one: { concurrency: 1, handler } });
    const running = await start(8);
    const task = kit.catalog.tasks.get("one");
    if (task === undefined) throw new Error("there is no task");
    const policies = { ...task.policies, concurrency: 4 };
    running.publish({ tasks: new Map([["one", { ...task, version: 2, policies }]]), failures: [] });
    await addManyBySql(kit, "one", 40);
    await running.drain();
    expect(seen.most).toBe(4);
  });
});

describe("a pause", () => {
  test("of a task leaves its jobs uncounted in the queue, and others go on", async () => {
    const started = signal();
    const mayEnd = signal();
    let slow = 0;
    let others = 0;
    kit = await testRuntime({
      slow: async () => {
        slow += 1;
        if (slow === 4) started.resolve();
        await mayEnd.promise;
      },
      quick: async () => {
        others += 1;
      },
    });
    await addManyBySql(kit, "slow", 30);
    const running = await start(4);
    await started.promise;
    const heard = pausesOf(running);
    await kit.db.query("select taskrun.pause('task', 'slow', 'me', 'for a test')");
    expect(await heard).toEqual([{ kind: "task", name: "slow", by: "me", reason: "for a test" }]);
    await addManyBySql(kit, "quick", 20);
    mayEnd.resolve();
    await running.drain();
    expect(others).toBe(20);
    // What ran when it was paused ran to its end.
    expect(await finished("slow")).toBe(4);
    expect(await attemptsInQueue()).toBe(0);
    expect(await countLocks(kit)).toBe(0);
    await kit.db.query("select taskrun.resume('task', 'slow')");
    await waitFor(async () => (await finished("slow")) === 30);
  });

  test("of a serial queue holds its jobs alone, also those that any process has fetched", async () => {
    const order: string[] = [];
    kit = await testRuntime({
      work: async ({ name }: { name: string }) => {
        order.push(name);
      },
    });
    await kit.db.query("select taskrun.pause('queue', 'held')");
    await addBySql(kit, "work", { name: "held" }, "queue_name := 'held', priority := -5");
    await addBySql(kit, "work", { name: "other" }, "queue_name := 'other'");
    await addBySql(kit, "work", { name: "none" });
    const running = await start(1);
    await running.drain();
    expect(order.toSorted()).toEqual(["none", "other"]);
    expect(await attemptsInQueue()).toBe(0);
    await kit.db.query("select taskrun.resume('queue', 'held')");
    await waitFor(async () => order.includes("held"));
  });

  test("of everything stops every process, and costs an idle one nothing", async () => {
    let runs = 0;
    kit = await testRuntime({
      work: async () => {
        runs += 1;
      },
      capped: { concurrency: 1, handler: async () => null },
    });
    await kit.db.query("select taskrun.pause('all', reason => 'maintenance')");
    await addManyBySql(kit, "work", 200);
    const running = await start(4);
    const other = kit.createRuntime();
    await other.start();
    const before = await transactions();
    // Whoever looked without end would be at it thousands of times.
    await kit.db.query("select pg_sleep(1.5)");
    expect((await transactions()) - before).toBeLessThan(60);
    await running.drain();
    expect(runs).toBe(0);
    await kit.db.query("select taskrun.resume('all')");
    await waitFor(async () => runs === 200);
    await other.stop();
  });

  test("by an alias holds the task by all its names, and by any of them it is resumed", async () => {
    let runs = 0;
    kit = await testRuntime({
      task: {
        aliases: ["old:task"],
        handler: async () => {
          runs += 1;
        },
      },
    });
    await kit.db.query("select taskrun.pause('task', 'old:task')");
    await addBySql(kit, "task");
    await addBySql(kit, "old:task");
    const running = await start(2);
    await running.drain();
    expect(runs).toBe(0);
    await waitFor(async () => (await kit.db.query("select 1 from taskrun.tasks")).rowCount === 2);
    await kit.db.query("select taskrun.resume('task', 'task')");
    await waitFor(async () => runs === 2);
  });

  test("that can't be meant is refused with what can", async () => {
    kit = await testRuntime({});
    for (const [statement, message] of [
      ["select taskrun.pause('tasks', 'a')", "'tasks' can't be paused"],
      ["select taskrun.pause('task')", "which task is meant?"],
      ["select taskrun.pause('all', 'a')", "kind all takes no name"],
      ["select taskrun.resume('queue', '')", "which queue is meant?"],
    ] as const) {
      await expect(kit.db.query(statement)).rejects.toThrow(message);
    }
  });
});

/** What is paused, as soon as the process has heard of a change. */
function pausesOf({ events }: Runtime): Promise<readonly Pause[]> {
  return new Promise((resolve) => events.once("pauses:changed", ({ pauses }) => resolve(pauses)));
}

async function finished(task: string): Promise<number> {
  const { rows } = await kit.db.query(
    "select count(*)::int as count from taskrun.history where task = $1",
    [task],
  );
  return rows[0].count;
}

async function transactions(): Promise<number> {
  const { rows } = await kit.db.query(
    "select xact_commit as count from pg_stat_database where datname = current_database()",
  );
  return Number(rows[0].count);
}

/** Asks until it is so; the test's own limit is the deadline. */
async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
