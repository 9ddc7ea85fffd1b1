/** A queue of its own without any process on it: for tests of the statements alone. */

import type pg from "pg";
import { fetchJobs } from "../../src/store/queue/fetch.ts";
import type { QueueJob } from "../../src/store/queue/queue-job.ts";
import { registerTaskNames } from "../../src/store/queue/register-task-names.ts";
import type { CompletedSettlement, OtherSettlement } from "../../src/store/queue/settlement.ts";
import { type Schemas, schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "./test-runtime.ts";

export interface QueueKit {
  readonly kit: TestRuntime;
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  /** Adds a job of the task "t" with `taskrun.add_job`; returns its id. */
  add(options?: Record<string, unknown>, payload?: unknown, task?: string): Promise<string>;
  /** Locks due jobs for a process. */
  take(processId: string, limit?: number, tasks?: string[]): Promise<QueueJob[]>;
  /** A job's row in the queue; undefined when it has left. */
  row(id: string): Promise<Record<string, unknown> | undefined>;
  /** Names of the serial queues that are locked. */
  lockedQueues(): Promise<string[]>;
  stop(): Promise<void>;
}

export async function queueKit(): Promise<QueueKit> {
  const kit = await testRuntime({});
  const { db } = kit;
  const schemas = schemasFor("graphile_worker");
  return {
    kit,
    db,
    schemas,
    async add(options = {}, payload = {}, task = "t") {
      const { rows } = await db.query("select taskrun.add_job($1, $2, $3) as id", [
        task,
        JSON.stringify(payload),
        JSON.stringify(options),
      ]);
      return rows[0].id;
    },
    async take(processId, limit = 100, tasks = ["t"]) {
      const taskNames = await registerTaskNames(db, schemas, tasks);
      return fetchJobs(db, schemas, { processId, taskNames, limit });
    },
    async row(id) {
      const { rows } = await db.query(
        `select *, run_at > now() as later from graphile_worker._private_jobs where id = $1`,
        [id],
      );
      return rows[0];
    },
    async lockedQueues() {
      const { rows } = await db.query(
        `select queue_name from graphile_worker._private_job_queues
         where locked_by is not null order by 1`,
      );
      return rows.map((row) => row.queue_name);
    },
    stop: () => kit.stop(),
  };
}

/** What a process writes of an attempt that completed. */
export function completed(job: QueueJob, more: Partial<CompletedSettlement> = {}) {
  const { task, place } = job;
  return {
    ...settlementOf(job),
    task,
    place,
    outputJson: null,
    ...more,
  } satisfies CompletedSettlement;
}

/** What a process writes of an attempt that ended in another way. */
export function ended(
  job: QueueJob,
  state: OtherSettlement["state"],
  more: Partial<OtherSettlement> = {},
): OtherSettlement {
  const failing = state === "retrying" || state === "failed";
  return {
    ...settlementOf(job),
    state,
    delayMs: 0,
    reason: null,
    remaining: null,
    error: failing ? { name: "Error", message: "bad luck", stack: null, rule: "default" } : null,
    ...more,
  };
}

function settlementOf(job: QueueJob) {
  return {
    id: job.id,
    attempt: job.attempt,
    lockedBy: job.lockedBy,
    keyed: job.key !== null,
    startedAtMs: Date.now() - 10,
    finishedAtMs: Date.now(),
    progressJson: null,
  };
}
