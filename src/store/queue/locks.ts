/** Frees locks whose holder is gone, and keeps alive those of long jobs. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

/** What happened to the jobs of a process that is gone. */
export interface RescuedJobs {
  /** Due again, with a short delay. */
  readonly retried: number;
  /** The lost attempt was their last: failed, with the reason. */
  readonly failed: number;
}

/**
 * Unlocks everything a dead process holds. The attempt counts, since nobody can know how far
 * it got: the job is retried, or has failed when that was its last attempt.
 */
export async function rescueJobs(
  client: pg.ClientBase,
  schemas: Schemas,
  processId: string,
  reason: string,
): Promise<RescuedJobs> {
  const { queue, own } = schemas;
  const { rows } = await client.query(
    `with held as materialized (
       select j.*, t.identifier as task, q.queue_name from ${queue}._private_jobs j
       join ${queue}._private_tasks t on t.id = j.task_id
       left join ${queue}._private_job_queues q on q.id = j.job_queue_id
       where j.locked_by = $1 for update of j
     ),
     kept as (
       update ${queue}._private_jobs j set locked_by = null, locked_at = null,
         last_error = $2, updated_at = now(),
         run_at = greatest(j.run_at, now()) + power(2, least(j.attempts - 1, 6))
           * interval '1 second'
       from held where j.id = held.id
     ),
     freed as (
       update ${queue}._private_job_queues set locked_by = null, locked_at = null
       where locked_by = $1
     ),
     attempted as (
       insert into ${own}.attempts (job_id, attempt, state, error_name, error_message, rule,
         started_at, finished_at, process)
       select id, attempts, case when attempts >= max_attempts then 'failed' else 'retrying' end,
         'ProcessDied', $2, 'process-died', locked_at, now(), $1 from held
     ),
     recorded as (
       insert into ${own}.history (job_id, task, state, payload, error, metadata, progress,
         attempts, max_attempts, priority, queue, key, created_at, run_at, started_at,
         finished_at, correlation_id, created_by, parent_id, process)
       select held.id, held.task, 'failed', held.payload, $2, d.metadata, d.progress,
         held.attempts, held.max_attempts, held.priority, held.queue_name, held.key,
         held.created_at, held.run_at, held.locked_at, now(), d.correlation_id, d.created_by,
         d.parent_id, $1
       from held left join ${own}.job_details d on d.job_id = held.id
       where held.attempts >= held.max_attempts
       on conflict (job_id) do update set state = excluded.state, error = excluded.error,
         attempts = excluded.attempts, started_at = excluded.started_at,
         finished_at = excluded.finished_at, process = excluded.process
     )
     select count(*) filter (where attempts < max_attempts)::int as retried,
       count(*) filter (where attempts >= max_attempts)::int as failed from held`,
    [processId, reason],
  );
  return rows[0];
}

/**
 * graphile-worker's own rule for locks of its processes, which it applies only while one of
 * them runs: a lock is void after four hours.
 */
export async function freeExpiredLocks(
  db: pg.Pool,
  schemas: Schemas,
  heldByUs: readonly string[],
): Promise<number> {
  const { queue, own } = schemas;
  const old = `locked_at < now() - interval '4 hours'
    and locked_by not in (select id from ${own}.processes) and locked_by <> all ($1)`;
  await db.query(
    `update ${queue}._private_job_queues set locked_by = null, locked_at = null where ${old}`,
    [heldByUs],
  );
  const { rowCount } = await db.query(
    `update ${queue}._private_jobs set locked_by = null, locked_at = null,
       run_at = greatest(run_at, now()) where ${old}`,
    [heldByUs],
  );
  return rowCount ?? 0;
}

/** Moves on the lock time of jobs that run for long, so that nobody's four-hour rule frees them. */
export async function refreshLocks(
  db: pg.Pool,
  schemas: Schemas,
  processId: string,
  jobIds: readonly string[],
): Promise<void> {
  await db.query(
    `with held as (
       update ${schemas.queue}._private_jobs set locked_at = now()
       where id = any ($2::bigint[]) and locked_by = $1 returning job_queue_id
     )
     update ${schemas.queue}._private_job_queues q set locked_at = now()
     from held where q.id = held.job_queue_id and q.locked_by = $1`,
    [processId, jobIds],
  );
}

/** A condition for SQL: no job is locked by the process whose id that column holds. */
export function holdsNoLock(schemas: Schemas, idColumn: string): string {
  return `not exists (
    select 1 from ${schemas.queue}._private_jobs held where held.locked_by = ${idColumn})`;
}

/** Jobs this process holds by the queue's word; those it does not know of are ghost locks. */
export async function heldJobs(
  db: pg.Pool,
  schemas: Schemas,
  processId: string,
): Promise<{ id: string; attempt: number }[]> {
  const { rows } = await db.query(
    `select id, attempts as attempt from ${schemas.queue}._private_jobs where locked_by = $1`,
    [processId],
  );
  return rows;
}
