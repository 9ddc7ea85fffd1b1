/** Jobs that have failed for good and still are, each with its last error, page by page. */

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

const pageSize = 1_000;

/** By id, the oldest first. */
export async function* listFailures(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  { since, task }: FailureFilter,
): AsyncGenerator<FailedJob> {
  const text = statement(schemas);
  let after = "0";
  for (;;) {
    const { rows } = await db.query<FailedJob>(text, [after, since ?? null, task ?? null]);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return;
    after = last.id;
  }
}

function statement({ queue, own }: Schemas): string {
  return `
with failed as (
  (select h.job_id as id, h.task, h.finished_at as failed_at, h.error
   from ${own}.history h
   where h.state = 'failed' and h.job_id > $1
     and ($2::timestamptz is null or h.finished_at >= $2) and ($3::text is null or h.task = $3)
     -- Retried by hand meanwhile: it may yet succeed.
     and not exists (select from ${queue}._private_jobs j where j.id = h.job_id
       and (j.attempts < j.max_attempts or j.locked_at is not null))
   order by h.job_id limit ${pageSize})
  union all
  -- Failed in a plain graphile-worker process, which keeps no record.
  (select j.id, t.identifier, j.updated_at, j.last_error
   from ${queue}._private_jobs j join ${queue}._private_tasks t on t.id = j.task_id
   where j.attempts >= j.max_attempts and j.locked_at is null and j.id > $1
     and ($2::timestamptz is null or j.updated_at >= $2)
     and ($3::text is null or t.identifier = $3)
     and not exists (select from ${own}.history h where h.job_id = j.id)
   order by j.id limit ${pageSize})
  order by 1 limit ${pageSize}
)
select f.id::text as id, f.task, f.failed_at, a.error_name,
  coalesce(a.error_message, f.error, 'no error was kept') as error_message,
  left(a.error_stack, 4000) as error_stack
from failed f
left join lateral (
  select error_name, error_message, error_stack from ${own}.attempts a
  where a.job_id = f.id order by a.finished_at desc limit 1) a on true
order by f.id`;
}
