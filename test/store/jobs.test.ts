import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobState } from "../../src/core/job.ts";
import type { JobFilter } from "../../src/store/job-filter.ts";
import { getJob, getJobEnd, listAttempts, listJobs } from "../../src/store/jobs.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let runtime: TestRuntime;

beforeAll(async () => {
  const retry = { maxAttempts: 2, baseDelay: 0 };
  runtime = await testRuntime({
    good: async () => ({ done: true }),
    bad: { retry, handler: () => Promise.reject(new Error("boom")) },
  });
  for (const task of ["good", "bad"]) await runtime.enqueue(task);
  await runtime.drain();
  await runtime.enqueue("good", {}, { delay: "1h" });
});

afterAll(() => runtime.stop());

async function failedJob(): Promise<string> {
  const [job] = await listJobs(runtime.db, schemas, { state: "failed" });
  return job!.id;
}

test("jobs are listed newest first, queued and finished ones, by state and task", async () => {
  const states = async (filter = {}) =>
    (await listJobs(runtime.db, schemas, filter)).map(({ state }) => state);
  expect(await states()).toEqual(["scheduled", "failed", "completed"]);
  expect(await states({ task: "good" })).toEqual(["scheduled", "completed"]);
  expect(await states({ state: "failed" })).toEqual(["failed"]);
  expect(await states({ limit: 1 })).toEqual(["scheduled"]);
});

describe("a list", () => {
  const ids = async (filter: JobFilter) =>
    (await listJobs(runtime.db, schemas, filter)).map(({ id }) => id);

  /** One job in every state, by SQL alone where a handler isn't needed. */
  async function jobsOfEveryState(): Promise<Record<JobState, string>> {
    const { db } = runtime;
    const [, failed, completed] = await ids({});
    const add = async (set: string, options = {}) => {
      const { rows } = await db.query("select taskrun.add_job('other', '{}', $1) as id", [options]);
      await db.query(`update graphile_worker._private_jobs set ${set} where id = $1`, [rows[0].id]);
      return rows[0].id;
    };
    const states = {
      completed: completed!,
      failed: failed!,
      pending: await add("priority = 3", { queue: "mail", correlation_id: "abc" }),
      scheduled: await add("run_at = now() + interval '1 h'"),
      retrying: await add("attempts = 1, last_error = 'x', run_at = now() + interval '1 h'"),
      running: await add("locked_at = now(), locked_by = 'p', attempts = 1"),
      blocked: await add("run_at = 'infinity'"),
      cancelled: await add("priority = 0"),
    };
    await db.query("insert into taskrun.job_details (job_id, blocked_run_at) values ($1, now())", [
      states.blocked,
    ]);
    await db.query("delete from graphile_worker._private_jobs where id = $1", [states.cancelled]);
    await db.query(
      `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority, queue,
         created_at, run_at, finished_at, correlation_id)
       values ($1, 'other', 'cancelled', 0, 25, 0, 'mail', now(), now(), now(), 'abc')`,
      [states.cancelled],
    );
    return states;
  }

  test("by a state has exactly the jobs that the view shows in it", async () => {
    const states = await jobsOfEveryState();
    for (const [state, id] of Object.entries(states)) {
      // why: the keys of the record are states
      const found = await listJobs(runtime.db, schemas, { state: state as JobState });
      expect(found.map((job) => job.state)).toEqual(found.map(() => state));
      expect(found.map((job) => job.id)).toContain(id);
      const { rows } = await runtime.db.query("select id from taskrun.jobs where state = $1", [
        state,
      ]);
      expect(found).toHaveLength(rows.length);
    }
    const { pending, cancelled, running } = states;
    expect(await ids({ queue: "mail" })).toEqual([cancelled, pending]);
    expect(await ids({ correlationId: "abc" })).toEqual([cancelled, pending]);
    expect(await ids({ ids: [running, pending, "77777"] })).toEqual([running, pending]);
  });

  test("goes on before the last id of the one before", async () => {
    const all = await ids({ limit: 1000 });
    const first = await ids({ limit: 2 });
    expect([...first, ...(await ids({ before: first.at(-1)!, limit: 1000 }))]).toEqual(all);
  });

  test("since and until a moment goes by the end of a job, else by when it was added", async () => {
    const long = await ids({ task: "good", state: "completed" });
    await runtime.db.query(
      "update taskrun.history set finished_at = now() - interval '2 h' where job_id = any ($1)",
      [long],
    );
    const anHourAgo = new Date(Date.now() - 3_600_000);
    expect(await ids({ until: anHourAgo })).toEqual(long);
    const since = await ids({ since: anHourAgo, limit: 1000 });
    expect(since).not.toContain(long[0]);
    expect(since.length + 1).toBe((await ids({ limit: 1000 })).length);
  });
});

test("one job is found by its id, whole or its end alone", async () => {
  const id = await failedJob();
  const end = { task: "bad", state: "failed", output: null, error: "boom", attempts: 2 };
  expect(await getJob(runtime.db, schemas, id)).toMatchObject({ id, ...end, max_attempts: 2 });
  expect(await getJobEnd(runtime.db, schemas, id)).toEqual(end);
  expect(await getJob(runtime.db, schemas, "999999")).toBeNull();
  expect(await getJobEnd(runtime.db, schemas, "999999")).toBeNull();
});

test("failed attempts are listed first one first", async () => {
  const id = await failedJob();
  expect(await listAttempts(runtime.db, schemas, id)).toMatchObject([
    { attempt: 1, state: "retrying", error_message: "boom", rule: "default" },
    { attempt: 2, state: "failed", error_message: "boom" },
  ]);
});

test("a secret can't be found out by asking for it", async () => {
  const { db } = runtime;
  await db.query(`insert into taskrun.tasks (name, task, secrets)
    values ('pay', 'pay', '{"payload": [["card"]], "output": []}')`);
  await db.query(`select taskrun.add_job('pay', '{"card": "4111", "shop": "7"}')`);
  const found = async (path: string, value: string) =>
    (await listJobs(db, schemas, { payload: [{ path: [path], value }] })).length;
  expect(await found("shop", "7")).toBe(1);
  expect(await found("card", "4111")).toBe(0);
});
