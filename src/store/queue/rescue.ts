/**
 * Gives away the jobs of a process that is gone. What became of each is decided by whether the
 * process was running it, as its heartbeat last said, or had only taken it ahead:
 *
 *   returned      it had not been begun, as far as anybody knows: the attempt does not count
 *   cancelling    somebody wants it cancelled: it neither fails nor runs before that is done, for
 *                 which the processes' next regular look is soon enough
 *   retrying      it was being run: the attempt counts, and so does the crash. Due in a quarter of
 *                 a second after the first attempt, in twice the time after each further one
 *   failed        so it was, and that was its last attempt, or the third process it died with
 *   compensating  as failed, but it has steps to undo first; or it was undoing them
 *
 * Either way it is suspect from now on: the process that runs it next says so before it begins.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

/** How many jobs of the dead process went which way. */
export interface RescuedJobs {
  /** Due again; the attempt does not count. */
  readonly returned: number;
  /** Due again after a short delay; the attempt counts. Those that have steps to undo too. */
  readonly retried: number;
  /** Failed for good, with the reason. */
  readonly failed: number;
  /** In how many milliseconds from now some of them are due, each time once. */
  readonly dueInMs: readonly number[];
}

/** A job that has been running in so many processes when they died is what kills them. */
export const mostCrashes = 3;

/** Unlocks everything that the process holds; within the caller's transaction. */
export async function rescueJobs(
  client: pg.ClientBase,
  schemas: Schemas,
  processId: string,
  reason: string,
): Promise<RescuedJobs> {
  const { rows } = await client.query(statement(schemas), [processId, reason, mostCrashes]);
  const { failed_ids, ...counts } = rows[0];
  await client.query(`select ${schemas.own}.mask_ended($1)`, [failed_ids]);
  return counts;
}

function statement({ queue, own }: Schemas): string {
  return `
with seen as materialized (
  select j.*, t.identifier as task, q.queue_name, d.ending as decided,
    coalesce(d.crashes, 0) + (p.was_running or kept.steps)::int as crashes,
    p.was_running or kept.steps as was_running,
    exists (select 1 from ${own}.cancellations c where c.job_id = j.id) as cancelling,
    exists (select 1 from ${own}.steps s
      where s.job_id = j.id and s.state = 'done' and s.compensable) as compensable
  from ${queue}._private_jobs j
  join ${queue}._private_tasks t on t.id = j.task_id
  left join ${queue}._private_job_queues q on q.id = j.job_queue_id
  left join ${own}.job_details d on d.job_id = j.id
  cross join lateral (
    -- Of a process without a row nobody knows what it was at.
    select coalesce((select j.id = any (running) from ${own}.processes where id = $1), true)
      as was_running
  ) p
  -- The list may be a moment behind; an attempt that has finished a step has certainly begun.
  cross join lateral (
    select exists (select from ${own}.steps s
      where s.job_id = j.id and s.finished_at >= j.locked_at) as steps
  ) kept
  where j.locked_by = $1 for update of j
),
held as materialized (
  select seen.*, case
    when cancelling then 'cancelling'
    when not was_running then 'returned'
    when decided is not null and crashes < $3 then 'compensating'
    when attempts < max_attempts and crashes < $3 then 'retrying'
    when decided is null and compensable then 'compensating'
    else 'failed' end as fate,
    case when cancelling then greatest(run_at, now()) + interval '10 seconds'
      when not was_running then run_at
      else greatest(run_at, now()) + power(2, least(attempts - 3, 6)) * interval '1 second'
      end as due_at,
    case when crashes < $3 then $2
      else $2 || '; it was running in ' || crashes || ' processes when they died' end as reason
  from seen
),
kept as (
  update ${queue}._private_jobs j set locked_by = null, locked_at = null, updated_at = now(),
    attempts = case held.fate
      when 'returned' then greatest(j.attempts - 1, 0)
      when 'cancelling' then greatest(least(j.attempts, j.max_attempts - 1), 0)
      when 'compensating' then greatest(least(j.attempts, j.max_attempts - 1), 0)
      when 'failed' then j.max_attempts
      else j.attempts end,
    last_error = case held.fate when 'returned' then j.last_error else held.reason end,
    run_at = held.due_at,
    -- An add with the same key would make it another job, whose end is not decided.
    key = case held.fate when 'compensating' then null else j.key end
  from held where j.id = held.id
),
freed as (
  update ${queue}._private_job_queues set locked_by = null, locked_at = null
  where locked_by = $1
),
marked as (
  insert into ${own}.job_details (job_id, suspect, crashes, ending)
  -- Of a job that has failed nothing is decided any more: it may be retried by hand.
  select id, true, crashes, case when fate = 'failed' then null
    when fate = 'compensating' then coalesce(decided,
      jsonb_build_object('state', 'failed', 'reason', null, 'error', jsonb_build_object(
        'name', 'ProcessDied', 'message', reason, 'stack', null, 'rule', 'process-died')))
    else decided end
  from held
  on conflict (job_id) do update set suspect = true, crashes = excluded.crashes,
    ending = excluded.ending
),
attempted as (
  insert into ${own}.attempts (job_id, attempt, state, error_name, error_message, rule,
    started_at, finished_at, process)
  select id, attempts, case when fate = 'failed' then 'failed' else 'retrying' end,
    'ProcessDied', reason, 'process-died', locked_at, now(), $1
  from held where fate <> 'returned'
),
recorded as (
  insert into ${own}.history (job_id, task, state, payload, error, metadata, progress,
    attempts, max_attempts, priority, queue, key, created_at, run_at, started_at,
    finished_at, correlation_id, created_by, parent_id, process)
  select held.id, held.task, 'failed', held.payload, held.reason, d.metadata, d.progress,
    held.attempts, held.max_attempts, held.priority, held.queue_name, held.key,
    held.created_at, held.run_at, held.locked_at, now(), d.correlation_id, d.created_by,
    d.parent_id, $1
  from held left join ${own}.job_details d on d.job_id = held.id
  where held.fate = 'failed'
  on conflict (job_id) do update set state = excluded.state, error = excluded.error,
    attempts = excluded.attempts, started_at = excluded.started_at,
    finished_at = excluded.finished_at, process = excluded.process
)
select count(*) filter (where fate = 'returned')::int as returned,
  count(*) filter (where fate in ('retrying', 'compensating', 'cancelling'))::int as retried,
  count(*) filter (where fate = 'failed')::int as failed,
  coalesce(array_agg(distinct greatest(ceil(extract(epoch from due_at - now()) * 1000), 0)::int)
    filter (where fate <> 'failed' and due_at < now() + interval '1 minute'), '{}') as "dueInMs",
  array_agg(id) filter (where fate = 'failed') as failed_ids,
  ${own}.resolve_dependents(array_agg(id) filter (where fate = 'failed'), 'failed') as resolved
from held`;
}
