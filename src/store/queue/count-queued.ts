/** How many jobs the queue holds in each state, by task. Reads the whole queue once. */

import type pg from "pg";
import type { JobState } from "../../core/job.ts";
import type { Schemas } from "../schemas.ts";

export type QueuedState = Exclude<JobState, "completed" | "cancelled">;

export interface QueuedCount {
  readonly task: string;
  /** Failed: only those that left no record of their end, and ended since the moment asked for. */
  readonly state: QueuedState;
  readonly count: number;
}

export async function countQueued(
  db: Pick<pg.Pool, "query">,
  { queue, own }: Schemas,
  { task, since }: { readonly task: string | null; readonly since: Date },
): Promise<QueuedCount[]> {
  const { rows } = await db.query<QueuedCount>(
    `select t.identifier as task, state, count(*)::int as count
     from ${queue}._private_jobs j
     join ${queue}._private_tasks t on t.id = j.task_id
     left join ${own}.job_details d on d.job_id = j.id
     cross join lateral (select case
       when j.locked_at is not null then 'running'
       when j.attempts >= j.max_attempts then 'failed'
       when d.blocked_run_at is not null and j.run_at = 'infinity' then 'blocked'
       when j.attempts > 0 and j.last_error is not null or d.ending is not null then 'retrying'
       when j.run_at > now() then 'scheduled'
       else 'pending' end as state) s
     where ($1::text is null or t.identifier = $1)
       and (state <> 'failed' or j.updated_at >= $2
         and not exists (select from ${own}.history h where h.job_id = j.id))
     group by 1, 2`,
    [task, since],
  );
  return rows;
}
