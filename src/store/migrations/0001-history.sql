-- taskrun's own tables, beside graphile-worker's queue. :QUEUE is its schema, :OWN is ours.
--
--   processes    one row per running taskrun process; its id is what the queue's locks carry
--   job_details  what a queued job has that graphile-worker's row has no column for
--   history      one row per job that ended: its one terminal record
--   attempts     one row per attempt that failed
--   jobs         the view that shows queued and finished jobs together
--
-- Job ids are the queue's. A row of history is written in the statement that takes the job
-- out of the queue (or marks it failed), so a job has its record exactly when it has ended.

create table :OWN.processes (
  id text primary key,
  host text not null,
  pid integer not null,
  version text not null,
  started_at timestamptz not null default now(),
  beat_seq bigint not null default 0,
  beat_at timestamptz not null default now(),
  -- Set by whoever found it silent. The row stays as a tombstone: a process that was only
  -- frozen may lock jobs once more before it notices, and those must be freed as well.
  dead_at timestamptz,
  dead_reason text
);

create table :OWN.job_details (
  job_id bigint primary key,
  correlation_id text,
  created_by text,
  parent_id bigint,
  metadata jsonb,
  progress jsonb
);

create table :OWN.history (
  job_id bigint primary key,
  task text not null,
  state text not null check (state in ('completed', 'failed', 'cancelled')),
  payload json,
  output json,
  error text,
  metadata jsonb,
  progress jsonb,
  attempts integer not null,
  max_attempts integer not null,
  priority integer not null,
  queue text,
  key text,
  created_at timestamptz not null,
  run_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz not null,
  correlation_id text,
  created_by text,
  parent_id bigint,
  process text
);

create table :OWN.attempts (
  job_id bigint not null,
  attempt integer not null,
  state text not null,
  error_name text,
  error_message text,
  error_stack text,
  -- Which row of the classification table decided between retrying and failed.
  rule text,
  started_at timestamptz,
  finished_at timestamptz not null,
  next_run_at timestamptz,
  process text
);
create index attempts_of_a_job on :OWN.attempts (job_id, attempt);

-- Finds the first waiting job of each serial queue without reading the jobs behind it.
-- Jobs without a queue are not in it, so it costs them nothing.
create index taskrun_serial_queue_heads
  on :QUEUE._private_jobs (job_queue_id, priority, run_at, id)
  where is_available = true and job_queue_id is not null;

-- json accepts escapes that jsonb refuses (NUL, lone surrogates). Such a value is shown as a
-- string, so that one odd payload can't make the whole view unreadable.
create function :OWN.as_jsonb(value json) returns jsonb language plpgsql immutable as $$
begin
  return value::jsonb;
exception when others then
  return to_jsonb(value::text);
end;
$$;

create view :OWN.jobs as
select
  j.id,
  t.identifier as task,
  case
    when j.locked_at is not null then 'running'
    when j.attempts >= j.max_attempts then 'failed'
    when j.attempts > 0 and j.last_error is not null then 'retrying'
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
  j.run_at,
  coalesce(j.locked_at, h.started_at) as started_at,
  h.finished_at,
  d.correlation_id,
  d.created_by,
  d.parent_id,
  coalesce(j.locked_by, h.process) as process,
  d.progress
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
  h.progress
from :OWN.history h
where not exists (select 1 from :QUEUE._private_jobs j where j.id = h.job_id);

comment on view :OWN.jobs is
  'Queued and finished jobs together. Made for psql and dashboards; columns are only added.';

create function :OWN.add_job(task text, payload jsonb default '{}', options jsonb default '{}')
returns bigint language plpgsql as $$
declare
  known constant text[] := array['run_at', 'delay', 'priority', 'queue', 'key', 'key_mode',
    'max_attempts', 'flags', 'correlation_id', 'created_by', 'parent_id', 'metadata'];
  names constant jsonb := '{"critical": -100, "high": -10, "normal": 0, "low": 10}';
  unknown text;
  v_options jsonb := coalesce(options, '{}');
  v_run_at timestamptz;
  v_priority integer;
  v_id bigint;
begin
  if jsonb_typeof(v_options) <> 'object' then
    raise exception 'taskrun.add_job: options must be a JSON object, got %',
      jsonb_typeof(v_options) using errcode = '22023';
  end if;
  select string_agg(quote_literal(name), ', ') into unknown
    from jsonb_object_keys(v_options) as name where name <> all (known);
  if unknown is not null then
    raise exception 'taskrun.add_job: unknown option %', unknown
      using errcode = '22023', hint = 'Known options: ' || array_to_string(known, ', ') || '.';
  end if;
  v_run_at := (v_options ->> 'run_at')::timestamptz;
  if v_options ? 'delay' then
    if v_run_at is not null then
      raise exception 'taskrun.add_job: give run_at or delay, not both' using errcode = '22023';
    end if;
    -- A bare number is milliseconds, as everywhere in taskrun.
    v_run_at := now() + case jsonb_typeof(v_options -> 'delay')
      when 'number' then (v_options ->> 'delay')::float8 * interval '1 millisecond'
      else (v_options ->> 'delay')::interval end;
  end if;
  v_priority := case jsonb_typeof(v_options -> 'priority')
    when 'string' then coalesce((names ->> (v_options ->> 'priority'))::integer, -99999)
    else (v_options ->> 'priority')::integer end;
  if v_priority not between -32768 and 32767 then
    raise exception 'taskrun.add_job: priority % is not a name or integer',
      v_options -> 'priority' using errcode = '22023',
      hint = 'Names: critical, high, normal, low. Integers: -32768 to 32767, lower runs first.';
  end if;
  -- A keyed add can come back empty when it met a job being locked at that moment: the
  -- locked job has let go of its key by then, so once more is enough.
  for try in 1 .. 2 loop
    select j.id into v_id from :QUEUE.add_job(
      identifier => add_job.task,
      payload => coalesce(add_job.payload, '{}')::json,
      queue_name => v_options ->> 'queue',
      run_at => v_run_at,
      max_attempts => (v_options ->> 'max_attempts')::integer,
      job_key => v_options ->> 'key',
      priority => v_priority,
      flags => case when v_options ? 'flags' then
        array(select jsonb_array_elements_text(v_options -> 'flags')) end,
      job_key_mode => coalesce(v_options ->> 'key_mode', 'replace')
    ) as j;
    exit when v_id is not null;
  end loop;
  if v_id is null then
    raise exception 'taskrun.add_job: the job with key % changed while it was being replaced',
      v_options ->> 'key' using errcode = '40001', hint = 'Try again.';
  end if;
  if v_options ?| array['correlation_id', 'created_by', 'parent_id', 'metadata'] then
    insert into :OWN.job_details (job_id, correlation_id, created_by, parent_id, metadata)
    values (v_id, v_options ->> 'correlation_id', v_options ->> 'created_by',
      (v_options ->> 'parent_id')::bigint, nullif(v_options -> 'metadata', 'null'))
    on conflict (job_id) do update set
      correlation_id = excluded.correlation_id, created_by = excluded.created_by,
      parent_id = excluded.parent_id, metadata = excluded.metadata, progress = null;
  end if;
  return v_id;
end;
$$;

comment on function :OWN.add_job is
  'Adds a job and returns its id. Options: run_at | delay, priority, queue, key, key_mode, max_attempts, flags, correlation_id, created_by, parent_id, metadata.';
