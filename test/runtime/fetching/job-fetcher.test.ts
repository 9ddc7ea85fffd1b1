import type pg from "pg";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { FetchableTasks } from "../../../src/runtime/fetching/fetchable-tasks.ts";
import { JobFetcher, type JobFetcherOptions } from "../../../src/runtime/fetching/job-fetcher.ts";
import { GateSnapshot } from "../../../src/runtime/holding-back/gate-snapshot.ts";
import { TaskRegistry } from "../../../src/runtime/task-registry.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { addBySql, addManyBySql, testRuntime } from "../../support/test-runtime.ts";

const nothingHeld = new GateSnapshot({ pauses: [], breakers: [] }, 0);

let kit: TestRuntime;
let fetcher: JobFetcher;

beforeEach(async () => {
  kit = await testRuntime({ work: async () => null });
  const schemas = schemasFor("graphile_worker");
  const registry = new TaskRegistry();
  registry.publish(kit.catalog);
  fetcher = fetcherOf(kit.db, new FetchableTasks(kit.db, schemas, registry));
});
afterEach(() => kit.stop());

function fetcherOf(db: pg.Pool, tasks: FetchableTasks, more: Partial<JobFetcherOptions> = {}) {
  return new JobFetcher({
    db,
    connection: db,
    schemas: schemasFor("graphile_worker"),
    tasks,
    gates: { snapshot: nothingHeld, leaseMs: 1000, takeCanary: () => {} },
    processId: () => "me",
    countHere: () => 0,
    fetchLimited: async () => [],
    ...more,
  });
}

/** Tells the names of the statements that are sent on it. */
function watched(pool: pg.Pool): { db: pg.Pool; sent: (string | undefined)[] } {
  const sent: (string | undefined)[] = [];
  const query = async (config: pg.QueryConfig, values?: unknown[]) => {
    sent.push(config.name);
    return pool.query(config, values);
  };
  const get = (target: pg.Pool, key: string | symbol) =>
    key === "query" ? query : Reflect.get(target, key, target);
  return { db: new Proxy(pool, { get }), sent };
}

/** As the dispatcher does: what has come is counted by others from now on. */
async function take(limit: number, from = fetcher): Promise<QueueJob[]> {
  const { jobs, release } = await from.fetch(limit);
  release();
  return jobs;
}

test("a deep queue is fetched whole, in order, whichever way it is asked", async () => {
  await addManyBySql(kit, "work", 1000);
  const ids: string[] = [];
  for (const limit of [150, 150, 50, 500, 500]) {
    for (const job of await take(limit)) ids.push(job.id);
  }
  const sorted = [...ids].sort((a, b) => Number(a) - Number(b));
  expect(ids).toEqual(sorted);
  expect(new Set(ids).size).toBe(1000);
});

test("jobs of a serial queue that come while a deep queue is fetched are not overlooked", async () => {
  await addManyBySql(kit, "work", 300);
  await take(100);
  const serial = await addBySql(kit, "work", {}, "queue_name := 'line', priority := -5");
  // The fetch that is under the impression of there being none says that there is one now.
  await take(100);
  const next = await take(100);
  expect(next[0]).toMatchObject({ id: serial, queue: "line" });
});

test("of a deep queue that is being worked through, only what is more urgent is asked for apart", async () => {
  await addManyBySql(kit, "work", 300);
  await take(100);
  const none = await fetcher.fetch(10, true);
  none.release();
  expect(none).toMatchObject({ jobs: [], more: true });
  const urgent = await addBySql(kit, "work", {}, "priority := -5");
  const one = await fetcher.fetch(10, true);
  one.release();
  expect(one.jobs.map(({ id }) => id)).toEqual([urgent]);
  expect(await take(300)).toHaveLength(200);
  const rest = await fetcher.fetch(10, true);
  expect(rest).toMatchObject({ jobs: [], more: false });
});

test("tasks with slots of their own have them filled while a deep queue is worked through", async () => {
  const small = { handler: async () => null, concurrency: 2 };
  const both = await testRuntime({ work: async () => null, small });
  const schemas = schemasFor("graphile_worker");
  const registry = new TaskRegistry();
  registry.publish(both.catalog);
  const counts = new Map<string, number>();
  const { db, sent } = watched(both.db);
  const from = fetcherOf(db, new FetchableTasks(both.db, schemas, registry), {
    countHere: ({ name }) => counts.get(name) ?? 0,
  });
  await addManyBySql(both, "work", 500);
  await addManyBySql(both, "small", 5);
  expect(await take(100, from)).toHaveLength(100);
  const second = await take(100, from);
  expect(second.filter(({ task }) => task === "small")).toHaveLength(2);
  counts.set("small", 2);
  expect((await take(100, from)).filter(({ task }) => task === "small")).toEqual([]);
  counts.set("small", 1);
  await addBySql(both, "work", {}, "priority := -5");
  const urgent = await from.fetch(10, true);
  urgent.release();
  expect(urgent.jobs.map(({ task, priority }) => [task, priority])).toEqual([
    ["work", -5],
    ["small", 0],
  ]);
  expect(sent).toContain("taskrun fetch in turn");
  await both.stop();
});

test("whoever has waited a whole second for its turn doesn't wait for the next ones", async () => {
  const { db, sent } = watched(kit.db);
  const schemas = schemasFor("graphile_worker");
  const registry = new TaskRegistry();
  registry.publish(kit.catalog);
  const from = fetcherOf(db, new FetchableTasks(kit.db, schemas, registry));
  await addManyBySql(kit, "work", 500);
  await take(100, from);
  const stopped = await kit.db.connect();
  try {
    await stopped.query("select pg_advisory_lock(hashtext($1), 12)", [schemas.controlChannel]);
    sent.length = 0;
    for (let times = 0; times < 4; times += 1) expect(await take(100, from)).toHaveLength(100);
    expect(sent.filter((name) => name === "taskrun fetch in turn")).toHaveLength(1);
    expect(sent).toHaveLength(4);
  } finally {
    stopped.release(true);
  }
});

test("a slot that is freed while a fetch is under way that saw none is told", async () => {
  const small = { handler: async () => null, concurrency: 1 };
  const capped = await testRuntime({ work: async () => null, small });
  onTestFinished(() => capped.stop());
  const schemas = schemasFor("graphile_worker");
  const registry = new TaskRegistry();
  registry.publish(capped.catalog);
  const from = fetcherOf(capped.db, new FetchableTasks(capped.db, schemas, registry), {
    countHere: ({ name }) => (name === "small" ? 1 : 0),
  });
  await addBySql(capped, "small");
  const task = registry.find("small")!;
  expect(await take(10, from)).toEqual([]);
  expect(from.slotFreed(task)).toBe(true);
  const underWay = take(10, from);
  expect(from.slotFreed(task)).toBe(true);
  expect(await underWay).toEqual([]);
});

test("what comes back to where a deep queue was worked through is found all the same", async () => {
  await addManyBySql(kit, "work", 300);
  const first = await take(100);
  await take(100);
  await kit.db.query(
    `update graphile_worker._private_jobs set locked_at = null, locked_by = null,
     attempts = attempts - 1 where id = $1`,
    [first[7]?.id],
  );
  const rest = await take(150);
  expect(rest).toHaveLength(101);
  expect(rest[0]?.id).toBe(first[7]?.id);
});

test("the last batch of a deep queue brings the serial queues' jobs along", async () => {
  await addManyBySql(kit, "work", 150);
  await take(100);
  const serial = await addBySql(kit, "work", {}, "queue_name := 'line'");
  const rest = await take(100);
  expect(rest).toHaveLength(51);
  expect(rest.map((job) => job.id)).toContain(serial);
});

test("a second statement that fails costs nothing of what the first has locked, and is told", async () => {
  let failing = false;
  const query = async (config: pg.QueryConfig, values?: unknown[]) => {
    if (failing && config.name === "taskrun fetch") throw new Error("Connection terminated");
    return kit.db.query(config, values);
  };
  const db: pg.Pool = new Proxy(kit.db, {
    get: (target, key) => (key === "query" ? query : Reflect.get(target, key, target)),
  });
  const schemas = schemasFor("graphile_worker");
  const registry = new TaskRegistry();
  registry.publish(kit.catalog);
  const tasks = new FetchableTasks(kit.db, schemas, registry);
  const shaky = fetcherOf(db, tasks);
  await addManyBySql(kit, "work", 150);
  await take(100, shaky);
  await addBySql(kit, "work", {}, "queue_name := 'line'");
  failing = true;
  expect(await take(100, shaky)).toHaveLength(50);
  await expect(take(100, shaky)).rejects.toThrow("terminated");
  failing = false;
  expect(await take(100, shaky)).toHaveLength(1);
});

test("without tasks nothing is fetched", async () => {
  const schemas = schemasFor("graphile_worker");
  const tasks = new FetchableTasks(kit.db, schemas, new TaskRegistry());
  const none = fetcherOf(kit.db, tasks);
  await addBySql(kit, "work");
  expect(await take(10, none)).toEqual([]);
});

/** To whom statements of that name take long; what it sends, and when it has asked for others. */
function slowFetcher(name: string) {
  const sent: (string | undefined)[] = [];
  const asked = Promise.withResolvers<void>();
  const query = async (config: pg.QueryConfig, values?: unknown[]) => {
    sent.push(config.name);
    if (config.name === name) await kit.db.query("select pg_sleep(0.03)");
    const result = await kit.db.query(config, values);
    if (config.name === "taskrun others wait") asked.resolve();
    return result;
  };
  const db: pg.Pool = new Proxy(kit.db, {
    get: (target, key) => (key === "query" ? query : Reflect.get(target, key, target)),
  });
  const schemas = schemasFor("graphile_worker");
  const registry = new TaskRegistry();
  registry.publish(kit.catalog);
  return { slow: fetcherOf(db, new FetchableTasks(kit.db, schemas, registry)), sent, asked };
}

test("jobs of tasks nobody has here, once they slow a fetch down, are not read through any more", async () => {
  const { slow, sent, asked } = slowFetcher("taskrun fetch if plain, few tasks");
  await addManyBySql(kit, "elsewhere", 3);
  const first = await addBySql(kit, "work");
  expect((await take(10, slow)).map(({ id }) => id)).toEqual([first]);
  await asked.promise;
  sent.length = 0;
  await addManyBySql(kit, "work", 150);
  expect(await take(10, slow)).toHaveLength(10);
  expect(await take(200, slow)).toHaveLength(140);
  // After two seconds it would ask again whether others wait.
  expect(sent.filter((name) => name?.startsWith("taskrun fetch"))).toEqual([
    "taskrun fetch gated by task",
    "taskrun fetch gated by task",
  ]);
});

test("nor are they by the looks from the start while a deep queue is gone on with", async () => {
  const fromStart = "taskrun fetch plain";
  const byTask = "taskrun fetch gated by task";
  const { slow, sent, asked } = slowFetcher(fromStart);
  await addManyBySql(kit, "elsewhere", 3);
  await addManyBySql(kit, "work", 5000);
  const goOnUntil = async (name: string) => {
    while (!sent.includes(name)) {
      expect(await take(100, slow)).toHaveLength(100);
      // However slow the looks are, and so how far apart, the queue stays deep.
      await addManyBySql(kit, "work", 100);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  await goOnUntil(fromStart);
  await asked.promise;
  await goOnUntil(byTask);
  expect(sent.filter((name) => name === fromStart)).toHaveLength(1);
});
