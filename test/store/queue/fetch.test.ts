import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fetchJob, fetchJobs, fetchPlainJobs } from "../../../src/store/queue/fetch.ts";
import { QueueJob } from "../../../src/store/queue/queue-job.ts";
import { registerTaskNames } from "../../../src/store/queue/register-task-names.ts";
import { settleCompleted } from "../../../src/store/queue/settle.ts";
import { completed, type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const idsOf = (jobs: readonly { id: string }[]) => jobs.map((job) => job.id);

describe("what is fetched", () => {
  test("the more urgent comes first, then what has been due for longer, then what came first", async () => {
    const normal = await q.add();
    const later = await q.add();
    const overdue = await q.add({ run_at: "2020-01-01" });
    const low = await q.add({ priority: "low" });
    const urgent = await q.add({ priority: "critical", queue: "line" });
    expect(idsOf(await q.take("p"))).toEqual([urgent, overdue, normal, later, low]);
  });

  test("no more than was asked for, of jobs with and without a serial queue together", async () => {
    for (let n = 0; n < 4; n += 1) {
      await q.add();
      await q.add({ queue: `q${n}` });
    }
    const jobs = await q.take("p", 3);
    expect(idsOf(jobs)).toEqual(["1", "2", "3"]);
    const { rows } = await q.db.query(
      "select count(*)::int as n from graphile_worker._private_jobs where locked_by = 'p'",
    );
    expect(rows[0].n).toBe(3);
    expect(await q.lockedQueues()).toEqual(["q0"]);
  });

  test("jobs of the future, locked ones and failed ones stay", async () => {
    await q.add({ delay: "1 hour" });
    await q.add({ max_attempts: 1 });
    const [locked] = await q.take("other");
    await q.add({ max_attempts: 1 });
    await q.db.query("update graphile_worker._private_jobs set attempts = 1 where id > $1", [
      locked?.id,
    ]);
    expect(await q.take("p")).toEqual([]);
  });

  test("jobs of other tasks are not touched, nor the serial queue before which they stand", async () => {
    const other = await q.add({ queue: "line" }, {}, "elsewhere");
    const mine = await q.add({ queue: "line" });
    expect(idsOf(await q.take("p"))).toEqual([mine]);
    expect(await q.row(other)).toMatchObject({ attempts: 0, locked_by: null });
  });

  test("on request only what is more urgent than a priority, from serial queues too", async () => {
    await q.add();
    await q.add({ priority: "high", delay: "1 hour" });
    const line = await q.add({ priority: "high", queue: "line" });
    await q.add({ queue: "another" });
    const critical = await q.add({ priority: "critical" });
    const taskNames = await registerTaskNames(q.db, q.schemas, ["t"]);
    const request = { processId: "p", taskNames, limit: 10, moreUrgentThan: 0 };
    expect(idsOf(await fetchJobs(q.db, q.schemas, request))).toEqual([critical, line]);
    expect(await q.lockedQueues()).toEqual(["line"]);
  });

  test.each([false, true])(
    "on request only what comes after a job, to the microsecond and the id (in turn: %s)",
    async (inTurn) => {
      const now = "2026-01-02T03:04:05.678901Z";
      const [low, first] = [await q.add({ priority: "low" }), await q.add({ run_at: now })];
      const second = await q.add({ run_at: now });
      await q.add({ run_at: "2026-01-02T03:04:05.678900Z" });
      await q.add({ priority: "high" });
      const next = await q.add({ run_at: "2026-01-02T03:04:05.678902Z" });
      await q.add({ queue: "line" });
      const taskNames = await registerTaskNames(q.db, q.schemas, ["t"]);
      const request = { processId: "p", taskNames, limit: 10 };
      const [, , after] = await q.take("other", 3);
      expect(after?.id).toBe(first);
      const { jobs } = await fetchPlainJobs(q.db, q.schemas, { ...request, after: after!, inTurn });
      expect(idsOf(jobs)).toEqual([second, next, low]);
    },
  );

  test("every column arrives", async () => {
    const id = await q.add(
      {
        run_at: "2020-02-03T04:05:06Z",
        priority: -7,
        queue: "line",
        key: "k",
        max_attempts: 4,
        flags: ["gpu"],
        correlation_id: "c",
        created_by: "ada",
        parent_id: 12,
        metadata: { a: [1] },
      },
      { text: 'ü "\\ {},' },
    );
    const [job] = await q.take("p");
    expect(job).toMatchObject({
      id,
      task: "t",
      payload: { text: 'ü "\\ {},' },
      attempt: 1,
      maxAttempts: 4,
      priority: -7,
      runAt: new Date("2020-02-03T04:05:06Z"),
      lastError: null,
      key: "k",
      queue: "line",
      revision: 0,
      flags: { gpu: true },
      hasDetails: true,
      correlationId: "c",
      createdBy: "ada",
      parentId: "12",
      metadata: { a: [1] },
      lockedBy: "p",
    });
    expect(Math.abs((job?.createdAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test("the same columns arrive when processes take turns", async () => {
    const options = {
      run_at: "2020-02-03T04:05:06Z",
      priority: 7,
      max_attempts: 4,
      flags: ["gpu"],
      correlation_id: "c",
      metadata: { a: [1] },
    };
    for (const key of ["k1", "k2"]) await q.add({ ...options, key }, { text: 'ü "\\ {},' });
    const taskNames = await registerTaskNames(q.db, q.schemas, ["t"]);
    const request = { processId: "p", taskNames, limit: 1, after: beginning };
    const [plain, inTurn] = await Promise.all(
      [false, true].map(async (inTurn) => {
        const { jobs } = await fetchPlainJobs(q.db, q.schemas, { ...request, inTurn });
        return jobs[0]!;
      }),
    );
    expect([plain!.key, inTurn!.key].sort()).toEqual(["k1", "k2"]);
    expect(readShared(inTurn!)).toEqual(readShared(plain!));
    expect(inTurn).toMatchObject({ attempt: 1, priority: 7, maxAttempts: 4, correlationId: "c" });
  });

  test("nothing, when no task is asked for", async () => {
    await q.add();
    const request = { processId: "p", taskNames: new Map<number, string>(), limit: 5 };
    expect(await fetchJobs(q.db, q.schemas, request)).toEqual([]);
  });
});

describe("serial queues", () => {
  test("only the head is taken, and nothing while it is being worked on", async () => {
    const first = await q.add({ queue: "line" });
    const second = await q.add({ queue: "line" });
    const [head, ...rest] = await q.take("p");
    expect(head?.id).toBe(first);
    expect(rest).toEqual([]);
    expect(await q.take("other")).toEqual([]);
    if (head !== undefined) await settleCompleted(q.db, q.schemas, [completed(head)]);
    expect(idsOf(await q.take("other"))).toEqual([second]);
  });

  test("a queue whose head is due later gives the first that is due", async () => {
    await q.add({ queue: "line", delay: "1 hour", priority: "critical" });
    const due = await q.add({ queue: "line" });
    expect(idsOf(await q.take("p"))).toEqual([due]);
  });

  test("many processes at once never hold two jobs of one queue, and run each job once", async () => {
    const total = 120;
    await q.db.query(
      `select taskrun.add_job('t', '{}', jsonb_build_object('queue', 'q' || n % 4))
       from generate_series(1, $1::int) n`,
      [total],
    );
    const taskNames = await registerTaskNames(q.db, q.schemas, ["t"]);
    const held = new Map<string, string>();
    const ran: string[] = [];
    const clashes: string[] = [];
    const work = async (processId: string) => {
      while (ran.length < total) {
        const jobs = await fetchJobs(q.db, q.schemas, { processId, taskNames, limit: 3 });
        for (const job of jobs) {
          const queue = job.queue ?? "";
          if (held.has(queue)) clashes.push(`${job.id} beside ${held.get(queue)} in ${queue}`);
          held.set(queue, job.id);
          ran.push(job.id);
        }
        // Before the statement that frees them, lest a process that is faster seems to clash.
        for (const job of jobs) held.delete(job.queue ?? "");
        await settleCompleted(
          q.db,
          q.schemas,
          jobs.map((job) => completed(job)),
        );
      }
    };
    await Promise.all(["a", "b", "c", "d"].map(work));
    expect(clashes).toEqual([]);
    expect(ran.toSorted()).toEqual([...new Set(ran)].toSorted());
    expect(ran).toHaveLength(total);
    expect(await q.lockedQueues()).toEqual([]);
  });
});

describe("fetchJob", () => {
  const fetch = (id: string) => fetchJob(q.db, q.schemas, { processId: "p", id });

  test("takes a job that is not due, with its queue and its details", async () => {
    const id = await q.add({ delay: "1 hour", queue: "line", metadata: { a: 1 } });
    expect(await fetch(id)).toMatchObject({ id, task: "t", queue: "line", metadata: { a: 1 } });
    expect(await q.row(id)).toMatchObject({ locked_by: "p", attempts: 1 });
    expect(await q.lockedQueues()).toEqual(["line"]);
  });

  test("leaves what is gone, locked, failed or behind a running job of its queue", async () => {
    expect(await fetch("4711")).toBeNull();
    const locked = await q.add({ queue: "line" });
    expect(await fetch(locked)).not.toBeNull();
    expect(await fetch(locked)).toBeNull();
    expect(await fetch(await q.add({ queue: "line" }))).toBeNull();
    const failed = await q.add({ max_attempts: 1 });
    await q.db.query("update graphile_worker._private_jobs set attempts = 1 where id = $1", [
      failed,
    ]);
    expect(await fetch(failed)).toBeNull();
  });

  test("of two jobs of a serial queue asked for at once, one is taken", async () => {
    for (let round = 0; round < 20; round += 1) {
      const queue = `line${round}`;
      const ids = await Promise.all([q.add({ queue }), q.add({ queue }), q.add({ queue })]);
      const jobs = await Promise.all(ids.map((id) => fetch(id)));
      expect(jobs.filter((job) => job !== null)).toHaveLength(1);
    }
  });

  test("takes no second job of a queue whose first one is being fetched at that moment", async () => {
    const first = await q.add({ queue: "line" });
    const second = await q.add({ queue: "line" });
    const client = await q.db.connect();
    await client.query("begin");
    await client.query(
      `update graphile_worker._private_job_queues set locked_by = 'x', locked_at = now()`,
    );
    await client.query(
      `update graphile_worker._private_jobs set locked_by = 'x', locked_at = now() where id = $1`,
      [first],
    );
    const fetched = fetch(second);
    await q.db.query("select pg_sleep(0.1)");
    await client.query("commit");
    client.release();
    expect(await fetched).toBeNull();
    expect(await q.row(second)).toMatchObject({ locked_by: null, attempts: 0 });
  });
});

describe("fetches that take turns", () => {
  const turn = "hashtext($1), 12";

  async function whileTaken(during: (release: () => Promise<void>) => Promise<void>) {
    const holder = await q.db.connect();
    const release = async () => {
      await holder.query(`select pg_advisory_unlock(${turn})`, [q.schemas.controlChannel]);
    };
    await holder.query(`select pg_advisory_lock(${turn})`, [q.schemas.controlChannel]);
    try {
      await during(release);
    } finally {
      holder.release(true);
    }
  }

  test("wait until nobody else is at one, and see the queue as it is then", async () => {
    const before = await q.add();
    const taskNames = await registerTaskNames(q.db, q.schemas, ["t"]);
    await whileTaken(async (release) => {
      const request = { processId: "p", taskNames, limit: 10, after: beginning, inTurn: true };
      const fetching = fetchPlainJobs(q.db, q.schemas, request);
      await expect
        .poll(async () => {
          const { rows } = await q.db.query(
            `select count(*)::int as n from pg_locks
             where locktype = 'advisory' and objid = 12 and not granted
               and database = (select oid from pg_database where datname = current_database())`,
          );
          return rows[0].n;
        })
        .toBe(1);
      expect(idsOf(await q.take("other"))).toEqual([before]);
      const added = await q.add();
      await release();
      expect(idsOf((await fetching).jobs)).toEqual([added]);
    });
  });

  test("go on after a second, whoever is stopped in the middle of one", async () => {
    const id = await q.add();
    const taskNames = await registerTaskNames(q.db, q.schemas, ["t"]);
    await whileTaken(async () => {
      const request = { processId: "p", taskNames, limit: 10, after: beginning, inTurn: true };
      expect(idsOf((await fetchPlainJobs(q.db, q.schemas, request)).jobs)).toEqual([id]);
    });
  });

  test("one that fails holds up nobody, though its session goes on", async () => {
    const session = await q.db.connect();
    const taskNames = await registerTaskNames(q.db, q.schemas, ["t"]);
    const request = { processId: "p", taskNames, after: beginning, inTurn: true };
    const id = await q.add();
    try {
      const failing = fetchPlainJobs(session, q.schemas, { ...request, limit: -1 });
      await expect(failing).rejects.toThrow("LIMIT must not be negative");
      const { jobs } = await fetchPlainJobs(q.db, q.schemas, { ...request, limit: 1 });
      expect(idsOf(jobs)).toEqual([id]);
    } finally {
      session.release();
    }
  });
});

const beginning = { priority: -32_768, runAtSeconds: "-Infinity", id: "0" };

/** All that a fetched job tells but what is its own: its id, key, place and times. */
function readShared(job: QueueJob): Record<string, unknown> {
  const own = /^(id|key|place|locked_at|updated_at|created_?at)$/i;
  const getters = Object.entries(Object.getOwnPropertyDescriptors(QueueJob.prototype))
    .filter(([name, { get }]) => get !== undefined && !own.test(name))
    .map(([name]) => [name, Reflect.get(job, name)]);
  return Object.fromEntries(getters);
}
