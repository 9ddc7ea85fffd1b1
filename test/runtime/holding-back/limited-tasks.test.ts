import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import type { Task } from "../../../src/core/task.ts";
import type { PlannedTask } from "../../../src/runtime/fetching/fetch-plan.ts";
import { LimitedTasks } from "../../../src/runtime/holding-back/limited-tasks.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import { registerTaskNames } from "../../../src/store/queue/register-task-names.ts";
import { settleCompleted } from "../../../src/store/queue/settle.ts";
import { completed, type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
const toStop: LimitedTasks[] = [];
beforeEach(async () => {
  q = await queueKit();
});
afterEach(async () => {
  for (const limits of toStop.splice(0)) limits.stop();
  await q.stop();
});

interface Setup {
  readonly limits: LimitedTasks;
  readonly planned: PlannedTask;
  readonly logged: Record<string, unknown>[];
  /** Resolves with the first line logged. */
  readonly heard: Promise<void>;
  /** Resolves at the next wake. */
  woken(): Promise<void>;
}

interface Given {
  readonly limit: object;
  readonly idle?: boolean;
}

async function setup({ limit, idle = true }: Given): Promise<Setup> {
  const definition = { handler: () => null, limit };
  const task: Task = resolveTask(definition, { name: "t", file: "t.ts", version: 1, layers: [] });
  const logged: Record<string, unknown>[] = [];
  const heard = Promise.withResolvers<void>();
  let next = Promise.withResolvers<void>();
  const limits = new LimitedTasks({
    db: q.db,
    schemas: q.schemas,
    logger: pino(
      { level: "debug" },
      {
        write(line) {
          logged.push(JSON.parse(line));
          heard.resolve();
        },
      },
    ),
    processId: () => "p",
    registry: { find: () => task },
    isIdle: () => idle,
    wake: () => {
      next.resolve();
      next = Promise.withResolvers();
    },
  });
  toStop.push(limits);
  const names = await registerTaskNames(q.db, q.schemas, ["t"]);
  return {
    limits,
    planned: { task, names },
    logged,
    heard: heard.promise,
    woken: () => next.promise,
  };
}

const byTenant = (payload: { tenant?: string }) => payload.tenant;

async function settle({ limits }: Setup, jobs: readonly QueueJob[]): Promise<void> {
  await settleCompleted(
    q.db,
    q.schemas,
    jobs.map((job) => completed(job)),
  );
  limits.settled(
    jobs.map((job) => ({
      job,
      ran: true,
      outcome: { state: "completed", outputJson: null },
      startedAtMs: 0,
      finishedAtMs: 0,
      progressJson: null,
    })),
  );
}

test("new jobs are keyed and taken in one go; the next comes when one has been settled", async () => {
  const given = await setup({ limit: { key: byTenant, concurrency: 1 } });
  await q.add({}, { tenant: "a" });
  await q.add({}, { tenant: "a" });
  await q.add({}, { tenant: "b" });
  const jobs = await given.limits.fetch(given.planned, 9);
  expect(jobs.map((job) => job.payload)).toEqual([{ tenant: "a" }, { tenant: "b" }]);
  expect(await given.limits.fetch(given.planned, 9)).toEqual([]);
  const woken = given.woken();
  await settle(given, jobs.slice(0, 1));
  await woken;
  expect(await given.limits.fetch(given.planned, 9)).toMatchObject([{ payload: { tenant: "a" } }]);
});

test("jobs whose key can't be told share one key, with a warning, and none is stuck", async () => {
  const key = (payload: { tenant: { id: string } }) => payload.tenant.id;
  const given = await setup({ limit: { key, concurrency: 1 } });
  const ids = [await q.add({}, {}), await q.add({}, {})];
  const first = await given.limits.fetch(given.planned, 9);
  expect(first.map((job) => job.id)).toEqual(ids.slice(0, 1));
  expect(given.logged).toHaveLength(2);
  expect(given.logged[0]).toMatchObject({ jobId: ids[0], task: "t" });
  await settle(given, first);
  expect(await given.limits.fetch(given.planned, 9)).toMatchObject([{ id: ids[1] }]);
});

test("a wake comes when a key is free again by its rate", async () => {
  const given = await setup({ limit: { key: byTenant, rate: { max: 1, per: 200 } } });
  await q.add({}, { tenant: "a" });
  await q.add({}, { tenant: "a" });
  const [first] = await given.limits.fetch(given.planned, 9);
  if (first === undefined) throw new Error("nothing was due");
  const startedAt = performance.now();
  given.limits.started(first, given.planned.task);
  let jobs: QueueJob[] = [];
  while (jobs.length === 0) {
    const woken = given.woken();
    jobs = await given.limits.fetch(given.planned, 9);
    if (jobs.length === 0) await woken;
  }
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200);
});

test("a busy process doesn't look for new jobs without end, and misses none", async () => {
  const given = await setup({ limit: { key: byTenant, concurrency: 9 }, idle: false });
  expect(await given.limits.fetch(given.planned, 9)).toEqual([]);
  await q.add({}, { tenant: "a" });
  let jobs: QueueJob[] = [];
  let tries = 0;
  while (jobs.length === 0) {
    const woken = given.woken();
    jobs = await given.limits.fetch(given.planned, 9);
    tries += 1;
    if (jobs.length === 0) await woken;
  }
  expect(tries).toBeLessThan(5);
});

test("of two fetches at once the second waits for a wake", async () => {
  const given = await setup({ limit: { key: byTenant, concurrency: 9 } });
  await q.add({}, { tenant: "a" });
  const woken = given.woken();
  const both = [given.limits.fetch(given.planned, 9), given.limits.fetch(given.planned, 9)];
  const [one, other] = await Promise.all(both);
  expect(one).toHaveLength(1);
  expect(other).toEqual([]);
  await woken;
});

test("starts are told again when the database doesn't answer", async () => {
  const given = await setup({ limit: { key: byTenant, rate: { max: 1, per: "1h" } } });
  await q.add({}, { tenant: "a" });
  const [job] = await given.limits.fetch(given.planned, 9);
  if (job === undefined) throw new Error("nothing was due");
  await q.db.query("alter function taskrun.note_starts rename to away");
  given.limits.started(job, given.planned.task);
  await given.heard;
  await q.db.query("alter function taskrun.away rename to note_starts");
  for (;;) {
    const { rows } = await q.db.query("select started_at from taskrun.limit_starts");
    expect(rows).toHaveLength(1);
    if (rows[0].started_at !== null) return;
  }
});
