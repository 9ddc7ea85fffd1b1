/**
 * Reads all that can keep a job from running, by one statement and so of one moment. Says
 * nothing of what it means: that is `store/explain`.
 */

import type pg from "pg";
import type { JobEnding } from "../../core/job.ts";
import type { Schemas } from "../schemas.ts";

export interface QueuedFacts {
  readonly task: string;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly priority: number;
  /** ISO 8601, or "infinity". */
  readonly run_at: string;
  readonly last_error: string | null;
  readonly locked_at: string | null;
  readonly locked_by: string | null;
  readonly queue: string | null;
  readonly queue_locked_at: string | null;
  readonly queue_locked_by: string | null;
}

export interface EndedFacts {
  readonly state: "completed" | "failed" | "cancelled";
  readonly task: string;
  readonly error: string | null;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly started_at: string | null;
  readonly finished_at: string;
  readonly process: string | null;
}

export interface DetailFacts {
  readonly progress: {
    readonly done: number;
    readonly total: number | null;
    readonly message: string | null;
  } | null;
  readonly blocked_run_at: string | null;
  readonly ending: JobEnding | null;
}

export interface ParentFacts {
  readonly id: string;
  readonly task: string | null;
  /** Null when it is neither in the queue nor in the history. */
  readonly state: string | null;
}

export interface PauseFacts {
  readonly kind: "all" | "task" | "queue";
  readonly name: string;
  readonly paused_by: string | null;
  readonly reason: string | null;
  readonly paused_at: string;
}

export interface BreakerFacts {
  readonly task: string;
  readonly state: "open" | "half_open";
  readonly failures: number;
  readonly open_until: string | null;
  readonly last_error: string | null;
  readonly canary_process: string | null;
}

export interface KeyLimitFacts {
  readonly task: string;
  readonly key: string;
  /** Jobs of the key that run, some of them if there are many. */
  readonly running: readonly string[];
  /** Starts that the task's rate still counts. */
  readonly started: number;
}

export interface ProcessFacts {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Names and aliases; null as long as it hasn't said. */
  readonly tasks: readonly string[] | null;
  readonly dead: boolean;
  /** Since its last sign of life. */
  readonly silent_ms: number;
  /** Between two of its beats, on average; null before the first one. */
  readonly beat_ms: number | null;
}

export interface Situation {
  readonly now: Date;
  readonly queued: QueuedFacts | null;
  /** The record of the job's end; also of a job that has since been queued again. */
  readonly ended: EndedFacts | null;
  readonly details: DetailFacts | null;
  readonly cancellation: {
    readonly requested_by: string | null;
    readonly reason: string | null;
    readonly requested_at: string;
  } | null;
  readonly failed_attempt: {
    readonly attempt: number;
    readonly error: string;
    readonly rule: string | null;
    readonly finished_at: string;
  } | null;
  readonly parents: readonly ParentFacts[];
  readonly pause: PauseFacts | null;
  readonly breaker: BreakerFacts | null;
  /** The job that runs in its serial queue. */
  readonly queue_holder: string | null;
  /** The due job that comes first in its serial queue, if that isn't itself. */
  readonly queue_head: string | null;
  /** The key that its task's limit counts it under; null when it has none, or isn't due. */
  readonly key_limit: KeyLimitFacts | null;
  /** Due jobs that come before it, counted up to `manyAhead`. */
  readonly ahead: number | null;
  readonly processes: readonly ProcessFacts[];
}

export const manyAhead = 10_000;

/** Null when there is no such job. */
export async function readSituation(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  id: string,
): Promise<Situation | null> {
  const { rows } = await db.query<Situation>(statement(schemas), [id]);
  const [situation] = rows;
  if (situation === undefined) return null;
  return situation.queued === null && situation.ended === null ? null : situation;
}

function statement({ queue, own }: Schemas): string {
  const jobs = `${queue}._private_jobs`;
  return `
with me as materialized (
  select j.id, j.job_queue_id, j.priority, j.run_at, j.attempts, j.max_attempts, j.last_error,
    j.locked_at, j.locked_by, t.identifier as task, q.queue_name as queue,
    q.locked_at as queue_locked_at, q.locked_by as queue_locked_by,
    j.is_available and j.run_at <= now() as is_due
  from ${jobs} j
  join ${queue}._private_tasks t on t.id = j.task_id
  left join ${queue}._private_job_queues q on q.id = j.job_queue_id
  where j.id = $1
),
-- The name it was queued under, and every other name of that task.
names (name) as materialized (
  select task from me
  union select k.task from ${own}.tasks k where k.name = (select task from me)
  union select k.name from ${own}.tasks k
    where k.task = (select named.task from ${own}.tasks named where named.name =
      (select task from me))
)
select now() as now,
  (select to_json(me) from me) as queued,
  (select to_json(h) from (select state, task, error, attempts, max_attempts, started_at,
     finished_at, process from ${own}.history where job_id = $1) h) as ended,
  (select to_json(d) from (select progress, blocked_run_at, ending
     from ${own}.job_details where job_id = $1) d) as details,
  (select to_json(c) from (select requested_by, reason, requested_at
     from ${own}.cancellations where job_id = $1) c) as cancellation,
  (select to_json(a) from (select attempt, error_message as error, rule, finished_at
     from ${own}.attempts where job_id = $1 order by finished_at desc limit 1) a)
     as failed_attempt,
  (select coalesce(json_agg(json_build_object('id', d.parent_id::text, 'task', p.task,
       'state', p.state) order by d.parent_id), '[]')
     from ${own}.dependencies d
     -- The limit keeps Postgres from joining the whole view.
     left join lateral (
       select task, state from ${own}.jobs p where p.id = d.parent_id limit 1) p on true
     where d.job_id = $1) as parents,
  (select to_json(p) from ${own}.pauses p
     where exists (select from me) and (p.kind = 'all'
       or p.kind = 'task' and p.name in (select name from names)
       or p.kind = 'queue' and p.name = (select me.queue from me))
     order by p.kind = 'all' desc, p.kind = 'task' desc limit 1) as pause,
  (select to_json(b) from ${own}.breakers b
     where b.task in (select name from names) and b.state <> 'closed' limit 1) as breaker,
  case when (select job_queue_id from me) is not null then (
    select j.id::text from ${jobs} j
    where j.job_queue_id = (select job_queue_id from me) and j.locked_at is not null
      and j.id <> $1 limit 1) end as queue_holder,
  case when (select is_due and job_queue_id is not null from me) then (
    select nullif(j.id, $1)::text from ${jobs} j
    where j.is_available = true and j.job_queue_id = (select job_queue_id from me)
      and j.run_at <= now()
    order by j.priority, j.run_at, j.id limit 1) end as queue_head,
  (select json_build_object('task', k.task, 'key', substr(k.key, 2),
     'running', array(select r.job_id::text from ${own}.limit_keys r
       join ${jobs} j on j.id = r.job_id and j.locked_at is not null
       where r.task = k.task and r.key = k.key and r.taken order by r.job_id limit 20),
     'started', (select count(*) from ${own}.limit_starts s
       where s.task = k.task and s.key = k.key and s.started_at is not null))
     from ${own}.limit_keys k where k.job_id = $1 and k.key <> '' and not k.taken) as key_limit,
  case when (select is_due from me) then (
    select count(*)::int from (
      select from me join ${jobs} j
        on (j.priority, j.run_at) <= (me.priority, me.run_at)
      where j.is_available = true and j.run_at <= now()
        and (j.priority, j.run_at, j.id) < (me.priority, me.run_at, me.id)
      limit ${manyAhead}) as before) end as ahead,
  (select coalesce(json_agg(json_build_object('id', p.id, 'host', p.host, 'pid', p.pid,
       'tasks', p.tasks, 'dead', p.dead_at is not null,
       'silent_ms', extract(epoch from now() - p.beat_at) * 1000,
       'beat_ms', extract(epoch from p.beat_at - p.started_at) * 1000 / nullif(p.beat_seq, 0))
       order by p.started_at), '[]')
     from ${own}.processes p) as processes`;
}
