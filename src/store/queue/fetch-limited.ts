/**
 * Takes due jobs of a task that has a limit by key. The keys are made of payloads by a function
 * of the task, so jobs are keyed here first and then taken by the database, which alone knows
 * what runs of each key in all processes (`take_limited`).
 */

import type pg from "pg";
import type { Limit } from "../../core/task.ts";
import type { Schemas } from "../schemas.ts";
import type { QueueJob } from "./queue-job.ts";
import { readTaken, sendFetch } from "./take-picked.ts";

/** A job that has no key yet, or changed since it got one. */
export interface UnkeyedJob {
  readonly id: string;
  readonly revision: number;
  /** JSON. */
  readonly payload: string;
}

export interface LimitedRequest {
  readonly processId: string;
  readonly task: string;
  /** From the queue's task ids to the names jobs were queued under. */
  readonly taskNames: ReadonlyMap<number, string>;
  readonly limit: Limit;
  readonly max: number;
}

export interface TakenJobs {
  readonly jobs: QueueJob[];
  /** When a key that is at its rate will be free for a job that waits; null = none waits so. */
  readonly freeInMs: number | null;
  /** Whether due jobs were left behind, held back or for want of room. */
  readonly othersWait: boolean;
}

/** Due jobs of these task ids whose key isn't known, at most `max` with and without a queue each. */
export async function listUnkeyed(
  db: pg.Pool,
  schemas: Schemas,
  taskIds: readonly number[],
  max: number,
): Promise<UnkeyedJob[]> {
  const { rows } = await db.query({
    name: "taskrun unkeyed jobs",
    text: unkeyedStatement(schemas),
    values: [taskIds, max],
  });
  return rows;
}

/** Keeps the jobs' keys; null = not limited. A job that has been taken keeps the key it has. */
export async function keyJobs(
  db: pg.Pool,
  schemas: Schemas,
  task: string,
  keyed: readonly { readonly job: UnkeyedJob; readonly key: string | null }[],
): Promise<void> {
  await db.query({
    name: "taskrun key jobs",
    text: `select ${schemas.own}.key_jobs($1, $2::bigint[], $3::int[], $4::text[])`,
    values: [
      task,
      keyed.map(({ job }) => job.id),
      keyed.map(({ job }) => job.revision),
      keyed.map(({ key }) => (key === null ? "" : `=${key}`)),
    ],
  });
}

/**
 * Locks at most `max` due jobs, best first, in turns by key, as far as the limits allow.
 *
 * @throws what the database throws; jobs may have been locked all the same
 */
export async function fetchLimited(
  db: pg.Pool,
  schemas: Schemas,
  { processId, task, taskNames, limit, max }: LimitedRequest,
): Promise<TakenJobs> {
  const { rows } = await db.query({
    name: "taskrun take limited",
    text: `select ids, wait_ms, others_wait
      from ${schemas.own}.take_limited($1, $2, $3::int[], $4::int, $5::int, $6::int, $7::float8)`,
    values: [
      processId,
      task,
      [...taskNames.keys()],
      max,
      limit.concurrency,
      limit.rate?.max ?? null,
      limit.rate?.perMs ?? null,
    ],
  });
  const { ids, wait_ms: freeInMs, others_wait: othersWait } = rows[0];
  if (ids.length === 0) return { jobs: [], freeInMs, othersWait };
  const text = readTaken(schemas.queue, schemas.own);
  const request = { processId, taskNames };
  return {
    jobs: await sendFetch(db, "taskrun read taken", text, [processId, ids], request),
    freeInMs,
    othersWait,
  };
}

/** Says that jobs of a task with a rate have started: only from then on their time counts. */
export async function noteStarts(
  db: pg.Pool,
  schemas: Schemas,
  { processId, task, ids }: { processId: string; task: string; ids: readonly string[] },
): Promise<void> {
  await db.query({
    name: "taskrun note starts",
    text: `select ${schemas.own}.note_starts($1, $2, $3::bigint[])`,
    values: [processId, task, ids],
  });
}

/** Removes what limited tasks have left behind and no job needs. */
export async function sweepLimits(db: pg.Pool, schemas: Schemas): Promise<void> {
  await db.query(`select ${schemas.own}.sweep_limits()`);
}

/** The expression task_id + 0 is that of the index which finds the jobs of a single task. */
function unkeyedStatement({ queue, own }: Schemas): string {
  const changed = `not exists (
      select 1 from ${own}.limit_keys k
      where k.job_id = j.id and k.revision = j.revision and k.priority = j.priority
        and k.run_at = j.run_at and k.lane = coalesce(j.job_queue_id, 0))`;
  return `
select found.id, found.revision, found.payload::text as payload
from unnest($1::int[]) as task (id)
cross join lateral (
  (select j.id, j.revision, j.payload from ${queue}._private_jobs j
    where j.is_available = true and j.job_queue_id is null and j.task_id + 0 = task.id
      and j.run_at <= now() and ${changed}
    order by j.priority, j.run_at
    limit $2::int)
  union all
  (select j.id, j.revision, j.payload from ${queue}._private_jobs j
    where j.is_available = true and j.job_queue_id is not null and j.task_id = task.id
      and j.run_at <= now() and ${changed}
    limit $2::int)
) found`;
}
