/**
 * The first due job of each serial queue that is free, as members of a `with recursive`; the last
 * is `heads` (id, queue_id, queue_name). Locks the queues' rows.
 *
 *   near       the first due serial jobs of all, a few more than are wanted
 *   nearest    of each queue that is free, the first one among them
 *   waiting    each serial queue that has a waiting job: one step of an index for each queue,
 *              however many jobs stand behind the first. Only when `near` was all taken up by
 *              jobs that can't start, since they stand behind others or their queues are busy
 *   walked     the first due job of each of those queues
 *   heads      both
 *
 * So thousands of queues that have nothing due cost nothing, and thousands of jobs behind a busy
 * queue no more than a few do.
 */

import { isAmong } from "./take-picked.ts";

/** Parameters. */
export interface SerialHeadsOptions {
  /** The ids of the tasks that may be fetched. */
  readonly tasks: string;
  /** The names of the queues that may not. Default: none. */
  readonly paused?: string;
  /** Only jobs before all of this priority. Default: all. */
  readonly moreUrgentThan?: string;
}

export function serialHeads(queue: string, options: SerialHeadsOptions): string {
  const { tasks, paused, moreUrgentThan } = options;
  const notPaused = paused === undefined ? "" : ` and q.queue_name <> all (${paused}::text[])`;
  const urgent = moreUrgentThan === undefined ? "" : ` and j.priority < ${moreUrgentThan}::int`;
  const due = `j.is_available = true and j.job_queue_id is not null
      and j.run_at <= now() and ${isAmong("j.task_id", tasks)}${urgent}`;
  return `near as materialized (
  select j.id, j.job_queue_id, j.priority, j.run_at from ${queue}._private_jobs j
  where ${due}
  order by j.priority, j.run_at, j.id
  limit $3::int * 2 + ${spare}
),
nearest as (
  select first.id, q.id as queue_id, q.queue_name
  from (
    select distinct on (job_queue_id) * from near order by job_queue_id, priority, run_at, id
  ) first
  join ${queue}._private_job_queues q on q.id = first.job_queue_id
  where q.is_available = true${notPaused}
  order by first.priority, first.run_at
  limit $3::int
  for update of q skip locked
),
waiting (queue_id) as (
  (select job_queue_id from ${queue}._private_jobs
    where is_available = true and job_queue_id is not null
      and (select count(*) from near) = $3::int * 2 + ${spare}
      and (select count(*) from nearest) < $3::int
    order by job_queue_id limit 1)
  union all
  select (select j.job_queue_id from ${queue}._private_jobs j
    where j.is_available = true and j.job_queue_id is not null and j.job_queue_id > w.queue_id
    order by j.job_queue_id limit 1)
  from waiting w where w.queue_id is not null
),
walked as (
  select head.id, q.id as queue_id, q.queue_name
  from waiting w
  join ${queue}._private_job_queues q on q.id = w.queue_id
  cross join lateral (
    select j.id, j.priority, j.run_at from ${queue}._private_jobs j
    where ${due} and j.job_queue_id = w.queue_id
    order by j.priority, j.run_at, j.id
    limit 1
  ) head
  where q.is_available = true${notPaused}
    and q.id <> all (array(select queue_id from nearest))
  order by head.priority, head.run_at
  limit $3::int
  for update of q skip locked
),
heads as (
  select * from nearest union all select * from walked
)`;
}

// Most of what stands in front may be jobs of a few queues, one behind the other.
const spare = 100;
