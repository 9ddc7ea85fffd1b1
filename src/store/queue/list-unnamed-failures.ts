/**
 * Jobs that have failed for good and whose fault nobody has named yet, with their last errors:
 * those of the last moments, and those of plain graphile-worker processes, which keep no record.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

export interface FailedJob {
  readonly id: string;
  readonly task: string;
  readonly failed_at: Date;
  readonly error_name: string | null;
  readonly error_message: string;
  readonly error_stack: string | null;
}

export interface FailureFilter {
  readonly since?: Date;
  readonly task?: string;
}

/** Of each kind; what is older is named within moments, or has been long ago. */
const mostUnnamed = 1_000;
/** A record comes a moment after the end that it tells of. */
const lateRecords = "interval '1 minute'";

export async function listUnnamedFailures(
  db: Pick<pg.Pool, "query">,
  { queue, own }: Schemas,
  { since, task }: FailureFilter,
): Promise<FailedJob[]> {
  const { rows } = await db.query<FailedJob>(
    `with failed as (
      (select h.job_id as id, h.task, h.finished_at as failed_at, h.error
       from ${own}.history h
       where h.state = 'failed'
         and h.finished_at > (select until - ${lateRecords} from ${own}.failures_named)
         and ($1::timestamptz is null or h.finished_at >= $1)
         and ($2::text is null or h.task = $2)
         and (select true from ${own}.failures f where f.job_id = h.job_id) is null
         -- Retried by hand meanwhile: it may yet succeed.
         and (select j.attempts < j.max_attempts or j.locked_at is not null
           from ${queue}._private_jobs j where j.id = h.job_id) is not true
       order by h.finished_at desc limit ${mostUnnamed})
      union all
      (select j.id, t.identifier, j.updated_at, j.last_error
       from ${queue}._private_jobs j join ${queue}._private_tasks t on t.id = j.task_id
       where j.locked_at is null and j.attempts >= j.max_attempts
         and ($1::timestamptz is null or j.updated_at >= $1)
         and ($2::text is null or t.identifier = $2)
         and not exists (select from ${own}.failures f where f.job_id = j.id)
         and (select true from ${own}.history h where h.job_id = j.id) is null
       order by j.id desc limit ${mostUnnamed})
    )
    ${withError(own)}`,
    [since ?? null, task ?? null],
  );
  return rows;
}

/** Of some jobs, with their last error, the first of them first. */
export function withError(own: string): string {
  return `select f.id::text as id, f.task, f.failed_at, a.error_name,
      coalesce(a.error_message, f.error, 'no error was kept') as error_message,
      left(a.error_stack, 4000) as error_stack
    from failed f
    left join lateral (
      select error_name, error_message, error_stack from ${own}.attempts a
      where a.job_id = f.id order by a.finished_at desc limit 1) a on true
    order by f.id`;
}
