-- A job's whole life. :QUEUE is graphile-worker's schema, :OWN is ours.
--
--   job_details    learns a job's own policies, what it waits for, and an ending that is decided
--                  but not yet written, since compensations run first
--   dependencies   which unfinished jobs a blocked job waits for
--   steps          results of a job's durable steps, and which of them were compensated
--   once_results   results of `ctx.once`, by key, across jobs
--   cancellations  running jobs that somebody wants to end
--   pauses         tasks and serial queues that no process fetches, by somebody's word
--   breakers       tasks that no process fetches, since they failed too often in a row
--   tasks          what the running code says of each task: schema, retention
--   logs           the last lines that a job's attempts wrote
--
-- A blocked job has run_at = infinity in the queue, so that nobody fetches it, plain
-- graphile-worker processes included; when it should have run is in job_details.blocked_run_at.

alter table :OWN.job_details
  -- As given: our RetryPolicy, or { "type": "exponential", "base_delay_ms": … }.
  add column retry jsonb,
  -- 0 = no limit.
  add column timeout_ms double precision,
  add column blocked_run_at timestamptz,
  -- { "state": "failed" | "cancelled", "error": … }: the next attempt only compensates.
  add column ending jsonb;

create table :OWN.dependencies (
  id bigint generated always as identity primary key,
  job_id bigint not null,
  parent_id bigint not null,
  on_parent_failure text not null default 'cancel'
    check (on_parent_failure in ('cancel', 'run', 'fail'))
);
-- Of one column each: with an index over both, a plan made while the table was empty could read
-- all of it to find one.
create index dependencies_of_a_job on :OWN.dependencies (job_id);
create index dependencies_of_a_parent on :OWN.dependencies (parent_id);

create table :OWN.steps (
  job_id bigint not null,
  name text not null,
  -- Compensations run from the highest to the lowest.
  position bigint generated always as identity,
  state text not null default 'done' check (state in ('done', 'compensated', 'uncompensated')),
  compensable boolean not null default false,
  result json,
  error text,
  attempt integer not null,
  started_at timestamptz not null,
  finished_at timestamptz not null default now(),
  compensated_at timestamptz,
  -- Tries of its compensation that failed.
  compensation_tries integer not null default 0,
  -- The job's, when the step was done. Both differ once another add with the job's key has
  -- replaced it: the step was another order's then.
  revision integer not null default 0,
  payload_md5 text not null default '',
  primary key (job_id, name)
);

create table :OWN.once_results (
  key text primary key,
  -- Null while `job_id` is at it.
  finished_at timestamptz,
  result json,
  -- Different for each run of the function: whose result may be kept.
  claim text not null default '',
  job_id bigint not null,
  attempt integer not null,
  process text not null,
  started_at timestamptz not null default now(),
  -- Null while it isn't finished, and for a result that is kept for ever.
  keep_until timestamptz
);
create index once_results_to_remove on :OWN.once_results (keep_until);

create table :OWN.cancellations (
  job_id bigint primary key,
  reason text,
  requested_by text,
  requested_at timestamptz not null default now()
);

create table :OWN.pauses (
  kind text not null check (kind in ('all', 'task', 'queue')),
  -- Empty for all.
  name text not null default '',
  paused_by text,
  reason text,
  paused_at timestamptz not null default now(),
  primary key (kind, name)
);

create table :OWN.breakers (
  task text primary key,
  state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
  -- In a row, while closed; and successes in a row, while half open.
  failures integer not null default 0,
  successes integer not null default 0,
  opened_at timestamptz,
  open_until timestamptz,
  last_error text,
  -- Half open: who runs the one job that is let through, and until when that is believed.
  canary_process text,
  canary_until timestamptz,
  changed_at timestamptz not null default now()
);

create table :OWN.tasks (
  -- A task's name or one of its aliases.
  name text primary key,
  task text not null,
  description text,
  -- JSON Schema of what a job may be queued with; null when there is none to check by.
  payload_schema jsonb,
  -- Milliseconds; 0 = keep nothing, null = for ever.
  retain_completed_ms double precision,
  retain_cancelled_ms double precision,
  retain_failed_ms double precision,
  published_at timestamptz not null default now(),
  published_by text
);

create table :OWN.logs (
  job_id bigint not null,
  attempt integer not null,
  position bigint generated always as identity,
  logged_at timestamptz not null,
  level text not null,
  message text not null,
  fields jsonb,
  primary key (job_id, position)
);

-- Which tasks it has, by name and alias; for "no process has this task".
alter table :OWN.processes add column tasks text[];

-- Finished jobs by time: pruning, statistics, lists.
create index history_by_time on :OWN.history (finished_at);
-- For lists. None of these costs a job anything that completes without them.
create index history_not_completed on :OWN.history (job_id) where state <> 'completed';
create index history_of_a_correlation on :OWN.history (correlation_id)
  where correlation_id is not null;
create index history_of_a_parent on :OWN.history (parent_id) where parent_id is not null;
create index attempts_by_time on :OWN.attempts (finished_at);

create or replace view :OWN.jobs as
select
  j.id,
  t.identifier as task,
  case
    when j.locked_at is not null then 'running'
    when j.attempts >= j.max_attempts then 'failed'
    when d.blocked_run_at is not null and j.run_at = 'infinity' then 'blocked'
    when j.attempts > 0 and j.last_error is not null or d.ending is not null then 'retrying'
    when j.run_at > now() then 'scheduled'
    else 'pending'
  end as state,
  j.priority::integer as priority,
  q.queue_name as queue,
  j.key,
  case when j.attempts >= j.max_attempts and j.locked_at is null
    then coalesce(h.attempts, j.attempts) else j.attempts end as attempts,
  j.max_attempts::integer as max_attempts,
  case when j.payload::text like '%\\u%' then :OWN.as_jsonb(j.payload)
    else j.payload::jsonb end as payload,
  null::jsonb as output,
  d.metadata,
  j.last_error as error,
  j.created_at,
  case when j.run_at = 'infinity' then coalesce(d.blocked_run_at, j.run_at)
    else j.run_at end as run_at,
  coalesce(j.locked_at, h.started_at) as started_at,
  h.finished_at,
  d.correlation_id,
  d.created_by,
  d.parent_id,
  coalesce(j.locked_by, h.process) as process,
  d.progress,
  extract(epoch from h.finished_at - h.started_at)::double precision * 1000 as duration_ms
from :QUEUE._private_jobs j
join :QUEUE._private_tasks t on t.id = j.task_id
left join :QUEUE._private_job_queues q on q.id = j.job_queue_id
left join :OWN.job_details d on d.job_id = j.id
-- Only while the queue still holds the job as failed: a retried one is live again.
left join :OWN.history h
  on h.job_id = j.id and j.attempts >= j.max_attempts and j.locked_at is null
union all
select
  h.job_id, h.task, h.state, h.priority, h.queue, h.key, h.attempts, h.max_attempts,
  case when h.payload::text like '%\\u%' then :OWN.as_jsonb(h.payload) else h.payload::jsonb end,
  case when h.output::text like '%\\u%' then :OWN.as_jsonb(h.output) else h.output::jsonb end,
  h.metadata, h.error, h.created_at, h.run_at,
  h.started_at, h.finished_at, h.correlation_id, h.created_by, h.parent_id, h.process,
  h.progress,
  extract(epoch from h.finished_at - h.started_at)::double precision * 1000
from :OWN.history h
where not exists (select 1 from :QUEUE._private_jobs j where j.id = h.job_id);
