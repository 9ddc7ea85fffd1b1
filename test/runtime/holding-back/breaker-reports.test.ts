import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Outcome } from "../../../src/core/outcome.ts";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import type { Task } from "../../../src/core/task.ts";
import { BreakerReports } from "../../../src/runtime/holding-back/breaker-reports.ts";
import type { EndedAttempt } from "../../../src/runtime/settling/write-batch.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { addBySql, signal, testRuntime } from "../../support/test-runtime.ts";

let q: QueueKit;
let reports: BreakerReports;
let failing: boolean;
let told: number;

const task: Task = resolveTask(
  { breaker: { failures: 3, successes: 1, openFor: "1h" }, handler: async () => null },
  { name: "t", file: "/t.ts", version: 1, layers: [] },
);

beforeEach(async () => {
  q = await queueKit();
  failing = false;
  told = 0;
  reports = new BreakerReports({
    db: q.db,
    schemas: q.schemas,
    logger: pino({ level: "silent" }),
    isFailing: () => failing,
    onTold: () => {
      told += 1;
    },
  });
});
afterEach(async () => {
  await reports.stop();
  await q.stop();
});

const completed: Outcome = { state: "completed", outputJson: null };
const failure = {
  name: "Error",
  message: "no",
  stack: null,
  rule: "default",
  thrown: null,
} as const;
const down: Outcome = { state: "retrying", error: failure, delayMs: 0, tripsBreaker: true };
const permanent: Outcome = { state: "failed", error: failure };
const circuitOpen: Outcome = { state: "snoozed", delayMs: 1, reason: null, tripsBreaker: true };

/** An attempt of a job that was taken from the queue. */
async function attempt(outcome: Outcome): Promise<EndedAttempt> {
  await q.add();
  const [job] = await q.take("p", 1);
  if (job === undefined) throw new Error("nothing was fetched");
  const times = { startedAtMs: 0, finishedAtMs: 0, progressJson: null };
  return { job, ran: true, outcome, ...times };
}

async function row() {
  const { rows } = await q.db.query(
    "select state, failures, last_error as error, canary_process as canary from taskrun.breakers",
  );
  return rows[0];
}

async function end(...outcomes: Outcome[]): Promise<void> {
  const attempts: EndedAttempt[] = [];
  for (const outcome of outcomes) attempts.push(await attempt(outcome));
  for (const each of attempts) reports.ended(each, task, each.outcome.state);
  await reports.stop();
}

test("failures are counted, those of the payload and of the code are not", async () => {
  await end(down, permanent, circuitOpen);
  expect(await row()).toMatchObject({ state: "closed", failures: 2 });
});

test("what landed together is counted in its order, by one statement", async () => {
  await end(down, down, completed, down);
  expect(await row()).toMatchObject({ state: "closed", failures: 1 });
  expect(told).toBe(1);
});

test("while nothing fails, successes cost nothing", async () => {
  await end(completed, completed);
  expect(await row()).toBeUndefined();
  expect(told).toBe(0);
});

test("while failures are being counted, a success ends the count", async () => {
  await end(down);
  failing = true;
  await end(completed);
  expect(await row()).toMatchObject({ failures: 0 });
});

test("an outcome that had been lost doesn't count", async () => {
  reports.ended(await attempt(down), task, null);
  await reports.stop();
  expect(await row()).toBeUndefined();
});

test.each([
  ["succeeds", completed, { state: "closed" }],
  ["fails", down, { state: "open", error: "no" }],
  ["fails for good by its payload", permanent, { state: "half_open", canary: null }],
  ["finds a circuit open", circuitOpen, { state: "open" }],
  [
    "goes back",
    { state: "returned", reason: "stop" } satisfies Outcome,
    { state: "half_open", canary: null },
  ],
])("a job that was let through and %s has the last word", async (_, outcome, expected) => {
  await q.db.query(
    `insert into taskrun.breakers (task, state, canary_process, canary_until)
     values ('t', 'half_open', 'p', now() + interval '10s')`,
  );
  const canary = await attempt(outcome);
  reports.takeCanary(canary.job, task);
  expect(reports.isCanary(canary.job)).toBe(true);
  reports.ended(canary, task, outcome.state);
  await reports.stop();
  expect(reports.isCanary(canary.job)).toBe(false);
  expect(await row()).toMatchObject(expected);
});

test("a job that was let through makes room when its task has gone before it began", async () => {
  const started = signal();
  const returned = signal();
  const release = signal();
  const done = signal();
  await using kit = await testRuntime({
    first: async () => {
      started.resolve();
      await release.promise;
    },
    guarded: { breaker: { openFor: 1 }, handler: async () => done.resolve() },
  });
  await kit.db.query(
    `insert into taskrun.breakers (task, state, open_until) values ('guarded', 'open', now())`,
  );
  const runtime = kit.createRuntime({ concurrency: 1 });
  runtime.events.on("attempt:finished", ({ state }) => {
    if (state === "returned") returned.resolve();
  });
  await addBySql(kit, "first", {}, "priority := -1");
  await addBySql(kit, "guarded");
  await runtime.start();
  await started.promise;
  // The other job has come with the first one, and waits for its slot.
  const { catalog } = runtime;
  const [first] = catalog.tasks;
  runtime.publish({ tasks: new Map(first === undefined ? [] : [first]), failures: [] });
  await returned.promise;
  runtime.publish(catalog);
  release.resolve();
  await done.promise;
  await runtime.stop();
});
