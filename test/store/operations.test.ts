import type { Notification } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  cancelJob,
  cancelJobs,
  matchingJobs,
  retryJob,
  retryJobs,
  runJobNow,
  runJobsNow,
} from "../../src/store/operations.ts";
import { settleCompleted } from "../../src/store/queue/settle.ts";
import { settleOthers } from "../../src/store/queue/settle-others.ts";
import { completed, ended, type QueueKit, queueKit } from "../support/queue-kit.ts";

let queue: QueueKit;

beforeAll(async () => {
  queue = await queueKit();
});

afterEach(async () => {
  await queue.db.query(
    `delete from graphile_worker._private_jobs; delete from taskrun.job_details;
     delete from taskrun.history; delete from taskrun.cancellations;
     delete from taskrun.dependencies; delete from taskrun.steps;
     update graphile_worker._private_job_queues set locked_at = null, locked_by = null`,
  );
});

afterAll(() => queue.stop());

/** How to get a job into each state, by SQL and by what a process writes. */
const ways: Record<string, () => Promise<string>> = {
  pending: () => queue.add(),
  scheduled: () => queue.add({ delay: "1h" }),
  blocked: async () => queue.add({ after: [await queue.add({ delay: "2h" })] }),
  running: async () => {
    const id = await queue.add();
    await queue.take("taskrun-1-aa");
    return id;
  },
  retrying: async () => {
    const id = await queue.add();
    const [job] = await queue.take("taskrun-1-aa");
    await settleOthers(queue.db, queue.schemas, [ended(job!, "retrying", { delayMs: 60_000 })]);
    return id;
  },
  completed: async () => {
    const id = await queue.add();
    const [job] = await queue.take("taskrun-1-aa");
    await settleCompleted(queue.db, queue.schemas, [completed(job!)]);
    return id;
  },
  failed: async () => {
    const id = await queue.add();
    const [job] = await queue.take("taskrun-1-aa");
    await settleOthers(queue.db, queue.schemas, [ended(job!, "failed")]);
    return id;
  },
  cancelled: async () => {
    const id = await queue.add();
    await cancel(id);
    return id;
  },
};

async function jobIn(state: string): Promise<string> {
  const id = await ways[state]!();
  expect(await queue.kit.job(id)).toMatchObject({ state });
  return id;
}

const cancel = (id: string, reason?: string, requestedBy?: string) =>
  cancelJob(queue.db, queue.schemas, id, { reason, requestedBy });
const retry = (id: string) => retryJob(queue.db, queue.schemas, id);
const runNow = (id: string) => runJobNow(queue.db, queue.schemas, id);
const job = (id: string) => queue.kit.job(id);

async function requests(): Promise<unknown[]> {
  const { rows } = await queue.db.query(
    "select job_id::text as id, reason, requested_by as by from taskrun.cancellations order by 1",
  );
  return rows;
}

async function sweep(): Promise<unknown[]> {
  const { rows } = await queue.db.query(
    "select id::text, state from taskrun.sweep_cancellations()",
  );
  return rows;
}

describe("cancel", () => {
  test.each(["pending", "scheduled", "blocked", "retrying"])(
    "a job that is %s leaves the queue, with its record",
    async (state) => {
      const id = await jobIn(state);
      const before = await job(id);
      expect(await cancel(id, "not wanted", "ann")).toBe("cancelled");
      expect(await queue.row(id)).toBeUndefined();
      expect(await job(id)).toMatchObject({
        state: "cancelled",
        error: "not wanted (cancelled by ann)",
        attempts: before!.attempts,
        run_at: before!.run_at,
        created_at: before!.created_at,
        started_at: null,
        finished_at: expect.any(Date),
      });
      expect(await requests()).toEqual([]);
      const { rows } = await queue.db.query(
        "select from taskrun.dependencies where job_id = $1 union all select from taskrun.job_details where job_id = $1",
        [id],
      );
      expect(rows).toEqual([]);
    },
  );

  test("the record has all that the job had, and its serial queue stays as it was", async () => {
    const running = await queue.add({ queue: "serial" });
    const id = await queue.add(
      {
        queue: "serial",
        key: "k",
        priority: 7,
        max_attempts: 4,
        correlation_id: "c",
        created_by: "me",
        parent_id: running,
        metadata: { a: 1 },
      },
      { n: 1 },
    );
    await queue.take("taskrun-1-aa");
    expect(await queue.lockedQueues()).toEqual(["serial"]);
    expect(await cancel(id)).toBe("cancelled");
    expect(await job(id)).toMatchObject({
      state: "cancelled",
      error: null,
      queue: "serial",
      key: "k",
      priority: 7,
      max_attempts: 4,
      correlation_id: "c",
      created_by: "me",
      parent_id: running,
      metadata: { a: 1 },
      payload: { n: 1 },
    });
    expect(await queue.lockedQueues()).toEqual(["serial"]);
  });

  test("of a running job is a request to its process, and the first one stands", async () => {
    const id = await jobIn("running");
    expect(await cancel(id, "not wanted", "ann")).toBe("cancelling");
    expect(await cancel(id, "again", "bob")).toBe("cancelling");
    expect(await job(id)).toMatchObject({ state: "running", attempts: 1 });
    expect(await requests()).toEqual([{ id, reason: "not wanted", by: "ann" }]);
  });

  test("of a running job is told on the control channel", async () => {
    const id = await jobIn("running");
    const listener = await queue.db.connect();
    try {
      await listener.query('listen "taskrun:control"');
      const heard = new Promise<Notification>((resolve) => listener.once("notification", resolve));
      await cancel(id);
      const { payload } = await heard;
      expect(JSON.parse(payload ?? "")).toEqual({ kind: "cancel", job: id });
    } finally {
      listener.release(true);
    }
  });

  test.each(["completed", "failed", "cancelled"])("a job that is %s stays so", async (state) => {
    const id = await jobIn(state);
    const before = await job(id);
    expect(await cancel(id, "too late")).toBe(state);
    expect(await job(id)).toEqual(before);
    expect(await requests()).toEqual([]);
  });

  test("an unknown id is an error", async () => {
    for (const id of ["999999", "9223372036854775808", "x", ""]) {
      await expect(cancel(id)).rejects.toMatchObject({ code: "job-not-found" });
    }
    await expect(queue.db.query("select taskrun.cancel_job(null)")).rejects.toThrow(
      "there is no job null",
    );
  });

  test("a job with steps to undo gets one more attempt for it, at once", async () => {
    for (const state of ["retrying", "blocked"]) {
      const id = await jobIn(state);
      await addStep(id, { compensable: true });
      expect(await cancel(id, "not wanted")).toBe("cancelling");
      const [again] = await queue.take("taskrun-1-aa");
      expect(again).toMatchObject({
        id,
        ending: { state: "cancelled", error: null, reason: "not wanted" },
      });
      // Its compensations must not be cut short.
      expect(await cancel(id)).toBe("cancelling");
      expect(await requests()).toEqual([]);
      await settleOthers(queue.db, queue.schemas, [ended(again!, "cancelled")]);
    }
  });

  test("a job whose last attempt is over, but for its compensations, has that one more", async () => {
    const id = await queue.add({ max_attempts: 1 });
    await queue.take("taskrun-1-aa");
    await addStep(id, { compensable: true });
    await queue.db.query(
      `update graphile_worker._private_jobs set locked_at = null, locked_by = null, attempts = 0`,
    );
    expect(await cancel(id)).toBe("cancelling");
    expect(await queue.row(id)).toMatchObject({ attempts: 0, is_available: true });
  });

  test("steps that need no undoing, or are undone, hold up nothing", async () => {
    const id = await jobIn("retrying");
    await addStep(id, { compensable: false, name: "a" });
    await addStep(id, { compensable: true, name: "b", state: "compensated" });
    expect(await cancel(id)).toBe("cancelled");
  });

  test("what is cancelled leaves no trace where nothing is to be kept", async () => {
    await queue.db.query(
      "insert into taskrun.tasks (name, task, retain_cancelled_ms) values ('t', 't', 0)",
    );
    try {
      const id = await queue.add();
      expect(await cancel(id)).toBe("cancelled");
      expect(await job(id)).toBeNull();
    } finally {
      await queue.db.query("delete from taskrun.tasks");
    }
  });

  test("jobs that wait for it hear of it", async () => {
    const parent = await queue.add({ delay: "1h" });
    const child = await queue.add({ after: [parent] });
    const late = await queue.add({ after: [parent], on_parent_failure: "run" });
    await cancel(parent);
    expect(await job(child)).toMatchObject({ state: "cancelled" });
    expect(await job(late)).toMatchObject({ state: "pending" });
  });

  test("a plain graphile-worker process goes on, but its attempt is the last", async () => {
    const id = await queue.add({ max_attempts: 5 });
    await queue.take("worker-0123456789abcdef");
    expect(await cancel(id, "not wanted")).toBe("cancelling");
    expect(await queue.row(id)).toMatchObject({ attempts: 5, locked_by: expect.any(String) });
    expect(await sweep()).toEqual([]);
    // What graphile-worker does when a job fails.
    await queue.db.query(
      `update graphile_worker._private_jobs set locked_at = null, locked_by = null,
       last_error = 'boom' where id = $1`,
      [id],
    );
    expect(await sweep()).toEqual([{ id, state: "cancelled" }]);
    expect(await job(id)).toMatchObject({ state: "cancelled", error: "not wanted" });
  });
});

describe("the sweep", () => {
  async function requested(): Promise<{ id: string; running: Parameters<typeof ended>[0] }> {
    const id = await queue.add();
    const [running] = await queue.take("taskrun-1-aa");
    await cancel(id, "not wanted", "ann");
    return { id, running: running! };
  }

  test("leaves jobs that run alone", async () => {
    await requested();
    expect(await sweep()).toEqual([]);
    expect(await requests()).toHaveLength(1);
  });

  test.each(["retrying", "snoozed", "returned"] as const)(
    "cancels a job whose attempt was %s at the same moment",
    async (state) => {
      const { id, running } = await requested();
      await settleOthers(queue.db, queue.schemas, [ended(running, state, { delayMs: 1000 })]);
      expect(await sweep()).toEqual([{ id, state: "cancelled" }]);
      expect(await job(id)).toMatchObject({
        state: "cancelled",
        error: "not wanted (cancelled by ann)",
      });
      expect(await requests()).toEqual([]);
      expect(await sweep()).toEqual([]);
    },
  );

  test("forgets requests for jobs that have ended", async () => {
    const one = await requested();
    await settleCompleted(queue.db, queue.schemas, [completed(one.running)]);
    const other = await requested();
    await settleOthers(queue.db, queue.schemas, [ended(other.running, "failed")]);
    const last = await requested();
    await queue.db.query("delete from graphile_worker._private_jobs where id = $1", [last.id]);
    expect(await sweep()).toEqual([
      { id: one.id, state: "completed" },
      { id: other.id, state: "failed" },
      { id: last.id, state: null },
    ]);
    expect(await requests()).toEqual([]);
    expect(await job(other.id)).toMatchObject({ state: "failed" });
  });

  test("tells the process that has fetched a job anew, when asked about that job", async () => {
    const { id } = await requested();
    const listener = await queue.db.connect();
    try {
      await listener.query('listen "taskrun:control"');
      const heard = new Promise<Notification>((resolve) => listener.once("notification", resolve));
      await queue.db.query("select * from taskrun.sweep_cancellations($1)", [[id]]);
      const { payload } = await heard;
      expect(JSON.parse(payload ?? "")).toEqual({ kind: "cancel", job: id });
    } finally {
      listener.release(true);
    }
    expect(await requests()).toHaveLength(1);
  });

  test("two at once end each request once", async () => {
    const { id, running } = await requested();
    await settleOthers(queue.db, queue.schemas, [ended(running, "returned")]);
    const both = await Promise.all([sweep(), sweep()]);
    expect(both.flat()).toEqual([{ id, state: "cancelled" }]);
  });
});

describe("retry", () => {
  test("a failed job is due again under its id, with all its attempts", async () => {
    const id = await jobIn("failed");
    expect(await retry(id)).toBe(id);
    expect(await job(id)).toMatchObject({ state: "pending", attempts: 0, error: "bad luck" });
    const [again] = await queue.take("taskrun-1-aa");
    await settleCompleted(queue.db, queue.schemas, [completed(again!)]);
    expect(await job(id)).toMatchObject({ state: "completed", error: null, attempts: 1 });
  });

  test("a cancelled job comes back under its id, as it was", async () => {
    const options = {
      queue: "serial",
      key: "k",
      priority: 7,
      max_attempts: 4,
      correlation_id: "c",
      created_by: "me",
      metadata: { a: 1 },
    };
    const id = await queue.add({ ...options, delay: "1h" }, { n: 1 });
    const before = await job(id);
    await cancel(id, "not wanted");
    expect(await retry(id)).toBe(id);
    expect(await job(id)).toMatchObject({
      ...options,
      state: "pending",
      payload: { n: 1 },
      attempts: 0,
      error: "not wanted",
      created_at: before!.created_at,
    });
    const { rows } = await queue.db.query("select from taskrun.history");
    expect(rows).toEqual([]);
    const [again] = await queue.take("taskrun-1-aa");
    expect(again).toMatchObject({ id, queue: "serial", key: "k", metadata: { a: 1 } });
    await settleOthers(queue.db, queue.schemas, [ended(again!, "failed")]);
    expect(await job(id)).toMatchObject({ state: "failed", error: "bad luck", attempts: 1 });
  });

  test("ids that were given out since are not touched", async () => {
    const id = await jobIn("cancelled");
    const newer = await queue.add();
    await retry(id);
    expect(Number(await queue.add())).toBeGreaterThan(Number(newer));
  });

  test("an ending that was decided is decided no more", async () => {
    const id = await jobIn("failed");
    await queue.db.query(
      `insert into taskrun.job_details (job_id, ending) values ($1, '{"state": "failed"}')
       on conflict (job_id) do update set ending = excluded.ending`,
      [id],
    );
    await retry(id);
    const [again] = await queue.take("taskrun-1-aa");
    expect(again?.ending).toBeNull();
  });

  test("an old request to cancel does not outlive it", async () => {
    const id = await queue.add();
    const [running] = await queue.take("taskrun-1-aa");
    await cancel(id);
    await settleOthers(queue.db, queue.schemas, [ended(running!, "cancelled")]);
    expect(await requests()).toHaveLength(1);
    await retry(id);
    expect(await sweep()).toEqual([]);
    expect(await job(id)).toMatchObject({ state: "pending" });
  });

  test("a job whose key a newer one has is refused with that one's id", async () => {
    const id = await queue.add({ key: "k" });
    await cancel(id);
    const newer = await queue.add({ key: "k" });
    await expect(retry(id)).rejects.toMatchObject({
      code: "wrong-job-state",
      message: expect.stringContaining(`job ${newer} has its key now. Cancel that job first`),
    });
    expect(await job(id)).toMatchObject({ state: "cancelled" });
  });

  test("two at once make one job of it", async () => {
    const id = await jobIn("cancelled");
    const both = await Promise.allSettled([retry(id), retry(id)]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await job(id)).toMatchObject({ state: "pending" });
  });

  test.each([
    ["pending", "is pending: there is nothing to retry"],
    ["scheduled", "is scheduled"],
    ["blocked", "is blocked"],
    ["running", "is running"],
    ["retrying", "is retrying"],
    ["completed", "has completed. Add it again"],
  ])("a job that is %s is refused", async (state, why) => {
    const id = await jobIn(state);
    const before = await job(id);
    await expect(retry(id)).rejects.toMatchObject({
      code: "wrong-job-state",
      message: expect.stringContaining(why),
    });
    expect(await job(id)).toEqual(before);
  });

  test("an unknown id is an error", async () => {
    await expect(retry("999999")).rejects.toMatchObject({
      code: "job-not-found",
      message: expect.stringMatching(/^There is no job 999999\. Finished jobs/),
    });
  });
});

describe("run now", () => {
  test.each(["scheduled", "retrying", "pending"])("a job that is %s is due", async (state) => {
    const id = await jobIn(state);
    expect(await runNow(id)).toBe("due");
    expect(await queue.row(id)).toMatchObject({ later: false });
    expect((await queue.take("taskrun-1-aa")).map((taken) => taken.id)).toEqual([id]);
  });

  test.each(["running", "completed", "failed", "cancelled"])(
    "there is nothing to do for a job that is %s",
    async (state) => {
      const id = await jobIn(state);
      const before = await job(id);
      expect(await runNow(id)).toBe(state);
      expect(await job(id)).toEqual(before);
    },
  );

  test("a blocked job is refused with the jobs that it waits for", async () => {
    const [one, other] = [await queue.add(), await queue.add()];
    const id = await queue.add({ after: [one] });
    await expect(runNow(id)).rejects.toMatchObject({
      code: "wrong-job-state",
      message: expect.stringContaining(`Job ${id} waits for a job that has not ended: ${one}.`),
    });
    const both = await queue.add({ after: [one, other] });
    await expect(runNow(both)).rejects.toThrow(
      `waits for 2 jobs that have not ended: ${one}, ${other}.`,
    );
    expect(await job(id)).toMatchObject({ state: "blocked" });
  });

  test("an unknown id is an error", async () => {
    await expect(runNow("999999")).rejects.toMatchObject({ code: "job-not-found" });
  });
});

describe("a cancelled job that is retried keeps its own policies", () => {
  const own = { retry: { baseDelay: "7s", maxAttempts: 4 }, timeout: "90s" };
  const policiesOf = async (id: string) => {
    const { rows } = await queue.db.query(
      `select d.retry, d.timeout_ms, j.max_attempts::int
       from taskrun.job_details d join graphile_worker._private_jobs j on j.id = d.job_id
       where d.job_id = $1`,
      [id],
    );
    return rows[0];
  };
  const cancelledBy: Record<string, () => Promise<string>> = {
    "while it waited": async () => {
      const id = await queue.add(own);
      await cancel(id);
      return id;
    },
    "while it ran": async () => {
      const id = await queue.add(own);
      const [job] = await queue.take("taskrun-1-aa");
      await settleOthers(queue.db, queue.schemas, [ended(job!, "cancelled", { reason: "r" })]);
      return id;
    },
    "with the job that it waited for": async () => {
      const parent = await queue.add({ delay: "1h" });
      const id = await queue.add({ ...own, after: [parent] });
      await cancel(parent);
      return id;
    },
    "again, after a retry": async () => {
      const id = await queue.add(own);
      for (let round = 0; round < 2; round += 1) {
        await cancel(id);
        await retry(id);
      }
      await cancel(id);
      return id;
    },
  };

  test.each(Object.entries(cancelledBy))("cancelled %s", async (_, cancelled) => {
    const id = await cancelled();
    expect(await job(id)).toMatchObject({ state: "cancelled" });
    expect(await policiesOf(id)).toBeUndefined();
    await retry(id);
    expect(await policiesOf(id)).toEqual({
      retry: own.retry,
      timeout_ms: 90_000,
      max_attempts: 4,
    });
  });

  test("and one without any has none", async () => {
    const id = await jobIn("cancelled");
    await retry(id);
    expect(await policiesOf(id)).toBeUndefined();
  });
});

describe("many", () => {
  const options = { queue: "serial", correlation_id: "c" };

  test("a filter chooses by task, state, queue, correlation id and time", async () => {
    const plain = await queue.add();
    const other = await queue.add({}, {}, "other");
    const later = await queue.add({ ...options, delay: "1h" });
    await queue.db.query(
      "update graphile_worker._private_jobs set created_at = now() - interval '1 day' where id = $1",
      [plain],
    );
    const matching = (choice: object) => matchingJobs(queue.db, queue.schemas, "cancel", choice);
    expect(await matching({ all: true })).toEqual([plain, other, later]);
    expect(await matching({ task: "other" })).toEqual([other]);
    expect(await matching({ state: "scheduled" })).toEqual([later]);
    expect(await matching({ queue: "serial" })).toEqual([later]);
    expect(await matching({ correlationId: "c", task: "t" })).toEqual([later]);
    expect(await matching({ since: new Date(Date.now() - 3_600_000) })).toEqual([other, later]);
    expect(await matching({ until: new Date(Date.now() - 3_600_000) })).toEqual([plain]);
    expect(await matching({ ids: [later, plain, "999999"] })).toEqual([plain, later]);
    expect(await matching({ all: true, limit: 2 })).toEqual([plain, other]);
  });

  test("each operation takes the jobs that it is for", async () => {
    const ids: Record<string, string> = {};
    for (const state of ["completed", "failed", "cancelled", "retrying", "running", "scheduled"]) {
      ids[state] = await jobIn(state);
    }
    const matching = (operation: "cancel" | "retry" | "run_now", choice: object) =>
      matchingJobs(queue.db, queue.schemas, operation, choice);
    const { failed, cancelled, retrying, running, scheduled } = ids;
    expect(await matching("cancel", { all: true })).toEqual([retrying, running, scheduled]);
    expect(await matching("run_now", { all: true })).toEqual([retrying, scheduled]);
    expect(await matching("retry", { all: true })).toEqual([failed]);
    expect(await matching("retry", { state: "cancelled" })).toEqual([cancelled]);
    expect(await matching("retry", { ids: Object.values(ids) })).toEqual([failed, cancelled]);
  });

  test("each job that matches is told with what became of it", async () => {
    const blocked = await jobIn("blocked");
    const running = await jobIn("running");
    const cancelled = await cancelJobs(queue.db, queue.schemas, { task: "t" }, { reason: "r" });
    expect(cancelled).toHaveLength(3);
    expect(cancelled).toContainEqual({ id: blocked, state: "cancelled" });
    expect(cancelled).toContainEqual({ id: running, state: "cancelling" });
    const parent = cancelled.find(({ id }) => id !== blocked && id !== running);
    expect(await job(parent!.id)).toMatchObject({ state: "cancelled", error: "r" });

    const newer = await queue.add({ key: "k" });
    await cancel(newer);
    await queue.add({ key: "k", delay: "1h" });
    const retried = await retryJobs(queue.db, queue.schemas, { state: "cancelled" });
    expect(retried).toContainEqual({ id: blocked, state: "due" });
    expect(retried).toContainEqual({ id: newer, state: "key taken" });

    const run = await runJobsNow(queue.db, queue.schemas, { state: "scheduled" });
    expect(run).toMatchObject([{ state: "due" }]);
  });

  test("more than one statement's worth is done in order", async () => {
    await queue.db.query(
      `select count(*) from taskrun.add_jobs(
         (select jsonb_agg('{"task": "t"}'::jsonb) from generate_series(1, 1100)))`,
    );
    const cancelled = await cancelJobs(queue.db, queue.schemas, { all: true, limit: 1050 });
    expect(cancelled).toHaveLength(1050);
    const ids = cancelled.map(({ id }) => Number(id));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(new Set(cancelled.map(({ state }) => state))).toEqual(new Set(["cancelled"]));
    expect(await matchingJobs(queue.db, queue.schemas, "cancel", { all: true })).toHaveLength(50);
  });

  test.each([
    ["{}", "chooses nothing"],
    ['{"limit": 5}', "chooses nothing"],
    ['{"all": false}', "chooses nothing"],
    ["[]", "must be a JSON object"],
    ['{"taks": "t"}', "has no 'taks'; there are ids, task, state"],
    ['{"all": true, "limit": 0}', "has a limit that is no positive number"],
    ['{"ids": 7}', "has ids that are no array"],
    ['{"state": "completed"}', "has the state completed: this is for jobs that are pending"],
  ])("the filter %s is refused", async (filter, why) => {
    const asked = queue.db.query("select * from taskrun.cancel_jobs($1)", [filter]);
    await expect(asked).rejects.toMatchObject({
      code: "22023",
      message: expect.stringContaining(`the filter ${why}`),
    });
  });

  test("a bad choice is a TaskrunError", async () => {
    await expect(cancelJobs(queue.db, queue.schemas, {})).rejects.toMatchObject({
      code: "bad-job-filter",
    });
  });
});

async function addStep(
  id: string,
  step: { compensable: boolean; name?: string; state?: string },
): Promise<void> {
  await queue.db.query(
    `insert into taskrun.steps (job_id, name, state, compensable, attempt, started_at)
     values ($1, $2, $3, $4, 1, now())`,
    [id, step.name ?? "reserve", step.state ?? "done", step.compensable],
  );
}
