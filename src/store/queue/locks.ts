/** Frees locks that are four hours old, and keeps alive those of long jobs. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

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

/**
 * Which of these processes hold locks. Nothing finds locks by their owner, so that this walks
 * through the whole queue: once for all of them.
 */
export async function lockHolders(
  db: pg.Pool,
  { queue }: Schemas,
  processIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ id: string }>(
    `select locked_by as id from ${queue}._private_jobs where locked_by = any ($1::text[])
     union
     select locked_by from ${queue}._private_job_queues where locked_by = any ($1::text[])`,
    [processIds],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Whether the job is locked by that process for that very attempt. */
export async function holdsJob(
  db: pg.Pool,
  schemas: Schemas,
  { id, attempt, lockedBy }: { id: string; attempt: number; lockedBy: string },
): Promise<boolean> {
  const { rows } = await db.query(
    `select 1 from ${schemas.queue}._private_jobs
     where id = $1 and attempts = $2 and locked_by = $3`,
    [id, attempt, lockedBy],
  );
  return rows.length > 0;
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
