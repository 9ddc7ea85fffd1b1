import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Limit } from "../../../src/core/task.ts";
import { fetchJobs } from "../../../src/store/queue/fetch.ts";
import {
  fetchLimited,
  keyJobs,
  listUnkeyed,
  noteStarts,
  sweepLimits,
  type TakenJobs,
} from "../../../src/store/queue/fetch-limited.ts";
import type { QueueJob } from "../../../src/store/queue/queue-job.ts";
import { registerTaskNames } from "../../../src/store/queue/register-task-names.ts";
import { settleCompleted } from "../../../src/store/queue/settle.ts";
import { settleOthers } from "../../../src/store/queue/settle-others.ts";
import { completed, ended, type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const hour = 3_600_000;

function limitOf(more: Partial<Limit>): Limit {
  return { key: () => undefined, concurrency: null, rate: null, ...more };
}

interface Payload {
  readonly k?: string;
}

/** Gives each new job the key in its payload. */
async function keyNew(): Promise<void> {
  const ids = [...(await registerTaskNames(q.db, q.schemas, ["t", "alias"])).keys()];
  const found = await listUnkeyed(q.db, q.schemas, ids, 1000);
  const keyOf = (payload: string) => (JSON.parse(payload) as Payload).k ?? null;
  await keyJobs(
    q.db,
    q.schemas,
    "t",
    found.map((job) => ({ job, key: keyOf(job.payload) })),
  );
}

async function takeAll(limit: Partial<Limit>, max = 100, processId = "p"): Promise<TakenJobs> {
  const taskNames = await registerTaskNames(q.db, q.schemas, ["t", "alias"]);
  return fetchLimited(q.db, q.schemas, {
    processId,
    task: "t",
    taskNames,
    limit: limitOf(limit),
    max,
  });
}

/** Keys new jobs and takes; the jobs' keys, in the order in which they should start. */
async function taken(limit: Partial<Limit>, max = 100): Promise<string[]> {
  await keyNew();
  return keysOf((await takeAll(limit, max)).jobs);
}

function keysOf(jobs: readonly QueueJob[]): string[] {
  return jobs.map((job) => (job.payload as Payload).k ?? "-");
}

const add = (k: string | undefined, options: Record<string, unknown> = {}, task = "t") =>
  q.add(options, k === undefined ? {} : { k }, task);

async function addMany(k: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await add(k);
}

async function complete(jobs: readonly QueueJob[]): Promise<void> {
  await settleCompleted(
    q.db,
    q.schemas,
    jobs.map((job) => completed(job)),
  );
}

test("a limited job comes with the very columns that any other comes with", async () => {
  const options = {
    queue: "line",
    key: "one",
    priority: 3,
    flags: ["a"],
    metadata: { m: 1 },
    correlation_id: "c",
    max_attempts: 7,
  };
  await add("a", options);
  const [plain] = await q.take("p");
  if (plain === undefined) throw new Error("nothing was due");
  await settleOthers(q.db, q.schemas, [ended(plain, "returned")]);
  await keyNew();
  const [limited] = (await takeAll({})).jobs;
  if (limited === undefined) throw new Error("nothing was due");
  const { fetchedAt: _, place: _p, ...one } = all(plain);
  const { fetchedAt: __, place: __p, ...other } = all(limited);
  expect(other).toEqual(one);
  expect(await q.row(limited.id)).toMatchObject({ locked_by: "p", attempts: 1 });
  expect(await q.lockedQueues()).toEqual(["line"]);
});

/** Values behind getters too. */
function all(job: QueueJob): Record<string, unknown> {
  const names = Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(job)));
  const times = new Set(["constructor", "locked_at", "updated_at"]);
  const getters = names.filter((name) => !times.has(name));
  return { ...job, ...Object.fromEntries(getters.map((name) => [name, Reflect.get(job, name)])) };
}

describe("concurrency", () => {
  test("bounds the running jobs of each key over all processes", async () => {
    await addMany("a", 5);
    await addMany("b", 1);
    await keyNew();
    const one = await takeAll({ concurrency: 2 }, 2, "one");
    const two = await takeAll({ concurrency: 2 }, 100, "two");
    expect([...keysOf(one.jobs), ...keysOf(two.jobs)].sort()).toEqual(["a", "a", "b"]);
    await complete(one.jobs.slice(0, 1));
    expect(await taken({ concurrency: 2 })).toHaveLength(1);
    expect(await taken({ concurrency: 2 })).toEqual([]);
  });

  test("doesn't bound jobs without a key", async () => {
    for (let n = 0; n < 5; n++) await add(undefined);
    await addMany("a", 5);
    expect((await taken({ concurrency: 1 })).sort()).toEqual(["-", "-", "-", "-", "-", "a"]);
  });

  test("counts a job of a plain graphile-worker process", async () => {
    const first = await add("a");
    await add("a");
    await keyNew();
    await q.db.query(
      `update graphile_worker._private_jobs set locked_by = 'worker-x', locked_at = now()
       where id = $1`,
      [first],
    );
    expect(await taken({ concurrency: 1 })).toEqual([]);
    await q.db.query("delete from graphile_worker._private_jobs where id = $1", [first]);
    expect(await taken({ concurrency: 1 })).toEqual(["a"]);
  });

  for (const state of ["retrying", "snoozed"] as const) {
    test(`has room again when a job is ${state}, and counts it when it comes back`, async () => {
      await add("a");
      await keyNew();
      const { jobs } = await takeAll({ concurrency: 1 });
      const delayed = jobs.map((job) => ended(job, state, { delayMs: hour }));
      await settleOthers(q.db, q.schemas, delayed);
      await add("a");
      expect(await taken({ concurrency: 1 })).toEqual(["a"]);
      await q.db.query("update graphile_worker._private_jobs set run_at = now()");
      expect(await taken({ concurrency: 1 })).toEqual([]);
    });
  }
});

describe("the order", () => {
  test("is one of each key, then the next of each; who was served goes to the end", async () => {
    await addMany("a", 6);
    await addMany("b", 3);
    await addMany("c", 1);
    expect((await taken({}, 3)).sort()).toEqual(["a", "b", "c"]);
    expect((await taken({}, 4)).sort()).toEqual(["a", "a", "b", "b"]);
    await add("d");
    expect(await taken({}, 1)).toEqual(["d"]);
  });

  test("one job at a time, takes turns too", async () => {
    await addMany("a", 3);
    await addMany("b", 3);
    const order: string[] = [];
    for (let n = 0; n < 6; n++) order.push(...(await taken({}, 1)));
    expect(order.join("")).toBe("ababab");
  });

  test("goes by priority first, within a key and across keys", async () => {
    await add("a", { priority: 5 });
    await add("a", { priority: 1 });
    await add("b", { priority: 3 });
    await add("b", { priority: 1 });
    const order: string[] = [];
    for (let n = 0; n < 4; n++) {
      await keyNew();
      const { jobs } = await takeAll({}, 1);
      order.push(...jobs.map((job) => `${(job.payload as Payload).k}${job.priority}`));
    }
    expect(order).toEqual(["a1", "b1", "b3", "a5"]);
  });

  test("follows a job that was given another priority, time or payload", async () => {
    const late = await add("a");
    await add("b", { key: "one" });
    await keyNew();
    await q.db.query("select graphile_worker.reschedule_jobs(array[$1::bigint], priority := -5)", [
      late,
    ]);
    await add("c", { key: "one" });
    expect(await taken({}, 1)).toEqual(["a"]);
    expect(await taken({}, 1)).toEqual(["c"]);
  });

  test("leaves out what isn't due, gone, or somebody else's just now", async () => {
    const due = await add("a");
    const gone = await add("a");
    const held = await add("a");
    const later = await add("a");
    await keyNew();
    await q.db.query("delete from graphile_worker._private_jobs where id = $1", [gone]);
    await q.db.query("update graphile_worker._private_jobs set run_at = 'infinity' where id = $1", [
      later,
    ]);
    const other = await q.db.connect();
    await other.query("begin");
    await other.query("select 1 from graphile_worker._private_jobs where id = $1 for update", [
      held,
    ]);
    const { jobs } = await takeAll({ concurrency: 4 });
    expect(jobs.map((job) => job.id)).toEqual([due]);
    await other.query("commit");
    other.release();
    expect((await takeAll({ concurrency: 4 })).jobs.map((job) => job.id)).toEqual([held]);
  });
});

describe("a serial queue", () => {
  test("and a limit hold at the same time", async () => {
    await add("a", { queue: "one" });
    await add("a", { queue: "one" });
    await add("a", { queue: "two" });
    await add("a");
    await keyNew();
    const first = await takeAll({ concurrency: 2 });
    expect(first.jobs).toHaveLength(2);
    const { jobs } = await takeAll({ concurrency: 9 });
    expect([...first.jobs, ...jobs].map((job) => job.queue ?? "").sort()).toEqual([
      "",
      "one",
      "two",
    ]);
    await complete([...first.jobs, ...jobs]);
    expect(await taken({ concurrency: 2 })).toEqual(["a"]);
  });

  test("that is paused or busy holds back its jobs, and no others", async () => {
    await add("a", { queue: "paused" });
    await add("a", { queue: "busy" });
    await add("a");
    await q.db.query("insert into taskrun.pauses (kind, name) values ('queue', 'paused')");
    await q.db.query(
      `update graphile_worker._private_job_queues set locked_by = 'x', locked_at = now()
       where queue_name = 'busy'`,
    );
    await keyNew();
    expect((await takeAll({ concurrency: 3 })).jobs.map((job) => job.queue)).toEqual([null]);
  });

  test("gives one job at a time even when its jobs have different keys", async () => {
    await add("a", { queue: "one" });
    await add("b", { queue: "one" });
    expect(await taken({ concurrency: 3 })).toEqual(["a"]);
    expect(await taken({ concurrency: 3 })).toEqual([]);
  });
});

describe("rate", () => {
  const rate = { max: 2, perMs: hour };
  const age = (interval: string) =>
    q.db.query(`update taskrun.limit_starts set started_at = started_at - '${interval}'::interval`);
  const note = (jobs: readonly QueueJob[], processId = "p") =>
    noteStarts(q.db, q.schemas, { processId, task: "t", ids: jobs.map((job) => job.id) });

  test("bounds the starts of each key, and says when the next may come", async () => {
    await addMany("a", 3);
    await addMany("b", 2);
    await keyNew();
    const { jobs, freeInMs } = await takeAll({ rate });
    expect(keysOf(jobs).sort()).toEqual(["a", "a", "b", "b"]);
    expect(freeInMs).toBeGreaterThan(hour - 60_000);
    await note(jobs);
    await complete(jobs);
    await age("59 minutes");
    const blocked = await takeAll({ rate });
    expect(blocked.jobs).toEqual([]);
    expect(blocked.freeInMs).toBeGreaterThan(50_000);
    expect(blocked.freeInMs).toBeLessThan(60_000);
    await age("1 minute");
    const next = await takeAll({ rate });
    expect(next).toMatchObject({ freeInMs: null });
    expect(keysOf(next.jobs)).toEqual(["a"]);
  });

  test("counts from the start that was noted, not from the fetch", async () => {
    await addMany("a", 3);
    await keyNew();
    const { jobs } = await takeAll({ rate: { max: 2, perMs: 1 } });
    await q.db.query("select pg_sleep(0.01)");
    expect((await takeAll({ rate: { max: 2, perMs: 1 } })).jobs).toEqual([]);
    await note(jobs);
    await q.db.query("select pg_sleep(0.01)");
    expect((await takeAll({ rate: { max: 2, perMs: 1 } })).jobs).toHaveLength(1);
  });

  test("counts a job that ended before its start was noted", async () => {
    await addMany("a", 3);
    await keyNew();
    const { jobs } = await takeAll({ rate });
    await complete(jobs);
    expect((await takeAll({ rate })).jobs).toEqual([]);
    await age("1 hour");
    expect((await takeAll({ rate })).jobs).toHaveLength(1);
  });

  test("doesn't count a job that went back unstarted, and counts one that snoozed", async () => {
    await addMany("a", 2);
    await keyNew();
    const [first, second] = (await takeAll({ rate })).jobs;
    if (first === undefined || second === undefined) throw new Error("nothing was due");
    await settleOthers(q.db, q.schemas, [ended(first, "returned"), ended(second, "snoozed")]);
    expect(await taken({ rate }, 1)).toHaveLength(1);
    expect(await taken({ rate })).toEqual([]);
  });

  test("doesn't take the word of a process that has lost the job", async () => {
    await addMany("a", 1);
    await keyNew();
    const { jobs } = await takeAll({ rate }, 1, "lost");
    await settleOthers(
      q.db,
      q.schemas,
      jobs.map((job) => ended(job, "returned")),
    );
    await takeAll({ rate }, 1, "owner");
    await note(jobs, "lost");
    const { rows } = await q.db.query("select process, started_at from taskrun.limit_starts");
    expect(rows).toEqual([{ process: "owner", started_at: null }]);
  });
});

test("jobs under an alias share the keys of their task", async () => {
  await add("a");
  await add("a", {}, "alias");
  expect(await taken({ concurrency: 1 })).toEqual(["a"]);
});

test("two processes that key and take at the same time never exceed the limit", async () => {
  for (const key of ["a", "b", "c"]) await addMany(key, 8);
  const looks = Array.from({ length: 12 }, async (_, n) => {
    await keyNew();
    return (await takeAll({ concurrency: 2 }, 3, `p${n}`)).jobs;
  });
  const jobs = (await Promise.all(looks)).flat();
  expect(keysOf(jobs).sort().join("")).toBe("aabbcc");
  expect(new Set(jobs.map((job) => job.id)).size).toBe(6);
});

test("a tenant with ten thousand jobs doesn't make looking for the others' slow", async () => {
  await q.db.query(
    `select count(*) from graphile_worker.add_jobs((
       select array_agg(row('t', '{"k":"heavy"}'::json, null, null, null, null, null, null)
         ::graphile_worker.job_spec) from generate_series(1, 10000)))`,
  );
  await keyNewAll();
  await addMany("light", 3);
  await keyNew();
  await q.db.query("analyze taskrun.limit_keys");
  expect(await taken({ concurrency: 1 })).toHaveLength(2);
  const { rows } = await q.db.query(
    `explain (analyze, buffers, format json)
     select * from taskrun.take_limited('p', 't', array[1, 2], 10, 1, null, null)`,
  );
  // Pages that ten thousand rows would not fit in.
  expect(rows[0]["QUERY PLAN"][0].Plan["Shared Hit Blocks"]).toBeLessThan(400);
});

async function keyNewAll(): Promise<void> {
  for (let before = -1, now = 0; now !== before; ) {
    before = now;
    await keyNew();
    const { rows } = await q.db.query("select count(*)::int as count from taskrun.limit_keys");
    now = rows[0].count;
  }
}

test("what no job needs any more is swept", async () => {
  await addMany("a", 2);
  await keyNew();
  await takeAll({}, 1);
  await q.db.query("delete from graphile_worker._private_jobs");
  await q.db.query("update taskrun.limit_turns set served_at = served_at - interval '1 hour'");
  await sweepLimits(q.db, q.schemas);
  const { rows } = await q.db.query(
    `select (select count(*)::int from taskrun.limit_keys) as keys,
       (select count(*)::int from taskrun.limit_turns) as turns`,
  );
  expect(rows).toEqual([{ keys: 0, turns: 0 }]);
});

test("the common fetch takes none of its jobs as long as it isn't asked to", async () => {
  await add("a");
  const taskNames = await registerTaskNames(q.db, q.schemas, ["other"]);
  expect(await fetchJobs(q.db, q.schemas, { processId: "p", taskNames, limit: 9 })).toEqual([]);
});
