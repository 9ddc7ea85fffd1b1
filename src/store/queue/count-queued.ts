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
    `with details as (
       select d.job_id, d.blocked_run_at, d.ending from ${own}.job_details d
       where d.blocked_run_at is not null or d.ending is not null
     ),
     -- A number for the task and the state: quicker to group by than two texts.
     living as (
       select (j.task_id::bigint * 8) + case
         when j.locked_at is not null then 1
         when d.blocked_run_at is not null and j.run_at = 'infinity' then 2
         when j.attempts > 0 and j.last_error is not null or d.ending is not null then 3
         when j.run_at > now() then 4
         else 5 end as kind, count(*) as count
       from ${queue}._private_jobs j left join details d on d.job_id = j.id
       where (j.locked_at is not null or j.attempts < j.max_attempts)
         and ($1::text is null
           or j.task_id = (select t.id from ${queue}._private_tasks t where t.identifier = $1))
       group by 1
     ),
     -- The small index and the small table say of most that they have a record.
     unnamed as (
       select j.id from ${queue}._private_jobs j
       where j.locked_at is null and j.attempts >= j.max_attempts
         and not exists (select from ${own}.failures f where f.job_id = j.id)
     ),
     failed as (
       select (j.task_id::bigint * 8) + 6 as kind, count(*) as count
       from unnamed u join ${queue}._private_jobs j on j.id = u.id
       where j.updated_at >= $2
         and (select true from ${own}.history h where h.job_id = j.id) is null
         and ($1::text is null
           or j.task_id = (select t.id from ${queue}._private_tasks t where t.identifier = $1))
       group by 1
     )
     select t.identifier as task, (array['running', 'blocked', 'retrying', 'scheduled', 'pending',
       'failed'])[c.kind % 8] as state, c.count::int as count
     from (select * from living union all select * from failed) c
     join ${queue}._private_tasks t on t.id = c.kind / 8`,
    [task, since],
  );
  return rows;
}
