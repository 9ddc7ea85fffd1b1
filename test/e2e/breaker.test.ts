/** A breaker over three runtimes on one database: they share nothing but the database. */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, addManyBySql, testRuntime } from "../support/test-runtime.ts";

const processes = 3;

/** What the handlers did, when and how many at once. */
interface Runs {
  /** When each started, and how many of them there were then. */
  starts: { readonly atMs: number; readonly atOnce: number }[];
  atOnce: number;
  healthy: boolean;
  /** No run ends before. */
  mayEnd: Promise<unknown>;
  others: number;
}

let kit: TestRuntime;
let runtimes: Runtime[];
let runs: Runs;

beforeEach(() => {
  runs = { starts: [], atOnce: 0, healthy: false, mayEnd: Promise.resolve(), others: 0 };
  runtimes = [];
});
afterEach(async () => {
  await Promise.all(runtimes.map((runtime) => runtime.stop()));
  await kit?.stop();
});

async function startFleet(breaker: unknown, handler: () => Promise<unknown>): Promise<void> {
  kit = await testRuntime({
    shaky: { breaker, retry: { strategy: "fixed", baseDelay: "1h" }, handler },
    other: async () => {
      runs.others += 1;
    },
  });
  for (let n = 0; n < processes; n += 1) runtimes.push(kit.createRuntime({ concurrency: 4 }));
  await Promise.all(runtimes.map((runtime) => runtime.start()));
}

async function service(): Promise<string> {
  runs.atOnce += 1;
  runs.starts.push({ atMs: Date.now(), atOnce: runs.atOnce });
  await runs.mayEnd;
  await new Promise((resolve) => setTimeout(resolve, 20));
  runs.atOnce -= 1;
  if (!runs.healthy) throw new Error("service down");
  return "done";
}

/** Resolves when every process has heard of it. */
function allHear(event: "breaker:opened" | "breaker:half-open" | "breaker:closed") {
  return Promise.all(
    runtimes.map(
      (runtime) => new Promise<void>((resolve) => runtime.events.once(event, () => resolve())),
    ),
  );
}

async function breakerRow(): Promise<Record<string, unknown>> {
  const { rows } = await kit.db.query("select * from taskrun.breakers where task = 'shaky'");
  return rows[0];
}

/** Shortens the time for which it is open, and lets all processes look; returns its end. */
async function openFor(interval: string): Promise<Date> {
  const { rows } = await kit.db.query(
    `update taskrun.breakers set open_until = clock_timestamp() + $1::interval
     where task = 'shaky' returning open_until`,
    [interval],
  );
  await kit.db.query("select taskrun.pause('queue', 'nobody')");
  return rows[0].open_until;
}

test("five failures stop all processes from fetching, one job at a time tries, three close it", async () => {
  await startFleet({ failures: 5, successes: 3, openFor: "1h" }, service);
  const opened = allHear("breaker:opened");
  // One after the other, so that exactly five fail.
  for (let n = 1; n <= 5; n += 1) {
    await addBySql(kit, "shaky", { n });
    while (runs.starts.length < n || runs.atOnce > 0) await new Promise((r) => setTimeout(r, 5));
  }
  await opened;

  await addManyBySql(kit, "shaky", 20);
  await addManyBySql(kit, "other", 100);
  while (runs.others < 100) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(runs.starts).toHaveLength(5);
  const { rows } = await kit.db.query(
    `select attempts, locked_by, count(*)::int from graphile_worker._private_jobs
     where attempts = 0 group by 1, 2`,
  );
  expect(rows).toEqual([{ attempts: 0, locked_by: null, count: 20 }]);

  runs.healthy = true;
  const halfOpen = allHear("breaker:half-open");
  const closed = allHear("breaker:closed");
  runs.mayEnd = halfOpen;
  const until = await openFor("500 ms");
  await halfOpen;
  expect(runs.starts).toHaveLength(6);
  await closed;
  // The three that closed it ran alone, and not before their time.
  const tried = runs.starts.slice(5, 8);
  expect(tried.map(({ atOnce }) => atOnce)).toEqual([1, 1, 1]);
  expect(tried[0]?.atMs).toBeGreaterThanOrEqual(Number(until));
  await runtimes[0]?.drain();
  await runtimes[1]?.drain();
  await runtimes[2]?.drain();
  expect(runs.starts).toHaveLength(25);
  const done = await kit.db.query(
    "select count(*)::int as count, max(attempts) as attempts from taskrun.history where state = 'completed' and task = 'shaky'",
  );
  expect(done.rows).toEqual([{ count: 20, attempts: 1 }]);
  expect(await breakerRow()).toMatchObject({ state: "closed", failures: 0, canary_process: null });
});

test("a job that is let through and fails holds the others back for as long again", async () => {
  await startFleet({ failures: 2, successes: 1, openFor: "1s" }, service);
  const opened = allHear("breaker:opened");
  await addManyBySql(kit, "shaky", 2);
  await opened;
  const before = runs.starts.length;
  const halfOpen = allHear("breaker:half-open");
  const reopened = allHear("breaker:opened");
  const closed = allHear("breaker:closed");
  // What is over before all have looked is heard of by none.
  runs.mayEnd = halfOpen;
  await addManyBySql(kit, "shaky", 5);
  await halfOpen;
  runs.mayEnd = reopened;
  await reopened;
  runs.healthy = true;
  await closed;
  const [failed, next] = runs.starts.slice(before);
  expect([failed?.atOnce, next?.atOnce]).toEqual([1, 1]);
  expect(Number(next?.atMs) - Number(failed?.atMs)).toBeGreaterThanOrEqual(1_000);
  expect(await breakerRow()).toMatchObject({ state: "closed", failures: 0 });
});

test("resuming the task closes its breaker, whatever its time", async () => {
  await startFleet({ failures: 1, openFor: "1h" }, service);
  const opened = allHear("breaker:opened");
  await addBySql(kit, "shaky");
  await opened;
  runs.healthy = true;
  await addBySql(kit, "shaky");
  const closed = allHear("breaker:closed");
  await kit.db.query("select taskrun.resume('task', 'shaky')");
  await closed;
  while (runs.starts.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
});
