/**
 * Whether jobs are waiting that are not of these tasks. Takes one step of an index for each task
 * that has a job waiting, however many.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

/** Of jobs without a serial queue, due or not. `taskIds` are the queue's. */
export async function othersWait(
  db: Pick<pg.Pool, "query">,
  { queue }: Schemas,
  taskIds: readonly number[],
): Promise<boolean> {
  const { rows } = await db.query<{ others: boolean }>({
    name: "taskrun others wait",
    text: `
with recursive present (task_id) as (
  (select j.task_id + 0 from ${queue}._private_jobs j
    where j.is_available = true and j.job_queue_id is null
    order by j.task_id + 0 limit 1)
  union all
  select (select j.task_id + 0 from ${queue}._private_jobs j
    where j.is_available = true and j.job_queue_id is null and j.task_id + 0 > p.task_id
    order by j.task_id + 0 limit 1)
  from present p where p.task_id is not null
)
select exists (select from present where task_id <> all ($1::int[])) as others`,
    values: [taskIds],
  });
  return rows[0]?.others ?? false;
}
