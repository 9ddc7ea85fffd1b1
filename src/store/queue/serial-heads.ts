/**
 * The first due job of each serial queue that is free, as two members of a `with recursive`:
 * `waiting` and `heads` (id, queue_id, queue_name). Locks the queues' rows. Of each queue that
 * has a waiting job it takes one step of an index, however many jobs stand behind the first.
 */

/** `tasks` and `paused` are parameters: the ids that may be fetched, the names that may not. */
export function serialHeads(
  queue: string,
  { tasks, paused }: { readonly tasks: string; readonly paused?: string },
): string {
  const notPaused = paused === undefined ? "" : ` and q.queue_name <> all (${paused}::text[])`;
  return `waiting (queue_id) as (
  (select job_queue_id from ${queue}._private_jobs
    where is_available = true and job_queue_id is not null
    order by job_queue_id limit 1)
  union all
  select (select j.job_queue_id from ${queue}._private_jobs j
    where j.is_available = true and j.job_queue_id is not null and j.job_queue_id > w.queue_id
    order by j.job_queue_id limit 1)
  from waiting w where w.queue_id is not null
),
heads as (
  select head.id, q.id as queue_id, q.queue_name
  from waiting w
  join ${queue}._private_job_queues q on q.id = w.queue_id
  cross join lateral (
    select j.id, j.priority, j.run_at from ${queue}._private_jobs j
    where j.is_available = true and j.job_queue_id is not null and j.job_queue_id = w.queue_id
      and j.run_at <= now() and j.task_id = any (${tasks}::int[])
    order by j.priority, j.run_at, j.id
    limit 1
  ) head
  where q.is_available = true${notPaused}
  order by head.priority, head.run_at
  limit $3::int
  for update of q skip locked
)`;
}
