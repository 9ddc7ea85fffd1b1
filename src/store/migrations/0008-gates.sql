-- What keeps jobs from being fetched. :QUEUE is graphile-worker's schema, :OWN is ours.
--
--   pause, resume          somebody's word: everything, a task, a serial queue
--   count_attempts         a process tells how attempts of a task with a breaker ended
--   end_canary             … and how the one job ended that a half-open breaker let through
--
-- Each change is told to all processes on :CONTROL. They read pauses and breakers again and fetch
-- accordingly: nothing here touches a job.
--
--   closed ──(failures in a row)──▶ open ──(its time is over: somebody claims a job)──▶ half_open
--     ▲                              ▲                                                   │  │
--     │                              └─────────────────(the job fails)───────────────────┘  │
--     └────────────────────────(successes in a row, one job at a time)──────────────────────┘
--
-- The claim is part of the statement that fetches the job (store/queue/fetch-canary).

-- Finds the jobs of one task without reading those of all others: what is held back may stand in
-- front of everything else, in any number. The expression keeps the index away from all other
-- statements, graphile-worker's included: they want the best jobs of many tasks, in order.
create index taskrun_jobs_by_task on :QUEUE._private_jobs ((task_id + 0), priority, run_at)
  where is_available = true and job_queue_id is null;

create function :OWN.check_gate(kind text, name text) returns void language plpgsql immutable as $$
begin
  if kind is null or kind not in ('all', 'task', 'queue') then
    raise exception 'taskrun: % can''t be paused', coalesce(quote_literal(kind), 'null')
      using errcode = '22023', hint = 'Kinds: all, task, queue.';
  end if;
  if kind = 'all' and name <> '' then
    raise exception 'taskrun: kind all takes no name, got %', quote_literal(name)
      using errcode = '22023', hint = 'To pause one task: taskrun.pause(''task'', name).';
  end if;
  if kind <> 'all' and coalesce(name, '') = '' then
    raise exception 'taskrun: which % is meant?', kind
      using errcode = '22023', hint = format('Give its name: taskrun.pause(%L, name).', kind);
  end if;
end;
$$;

comment on function :OWN.check_gate is 'Refuses what pause and resume can''t mean.';

-- A task has one pause, whichever of its names it is paused by. What no process has published
-- keeps the name that was given.
create function :OWN.gate_name(kind text, name text) returns text language sql stable as $$
  select case when kind = 'task'
    then coalesce((select t.task from :OWN.tasks t where t.name = gate_name.name), name)
    else coalesce(name, '') end;
$$;

comment on function :OWN.gate_name is 'The name under which a task, given by any of its names, is paused.';

create function :OWN.pause(
  kind text,
  name text default '',
  paused_by text default session_user,
  reason text default null
) returns void language plpgsql as $$
begin
  perform :OWN.check_gate(kind, name);
  insert into :OWN.pauses as p (kind, name, paused_by, reason)
  values (pause.kind, :OWN.gate_name(pause.kind, pause.name), pause.paused_by, pause.reason)
  on conflict on constraint pauses_pkey do update set
    paused_by = excluded.paused_by, reason = excluded.reason, paused_at = now();
  perform pg_notify(:CONTROL, '{"kind":"gates"}');
end;
$$;

comment on function :OWN.pause is
  'No process fetches jobs of that task (kind task), of that serial queue (queue) or any (all) until resume; no attempt is spent. Jobs that run go on.';

-- Whether anything was held: paused, or a task behind its breaker.
create function :OWN.resume(kind text, name text default '') returns boolean language plpgsql as $$
declare
  v_name text;
  v_held boolean;
begin
  perform :OWN.check_gate(kind, name);
  v_name := :OWN.gate_name(kind, name);
  delete from :OWN.pauses p
  where p.kind = resume.kind and :OWN.gate_name(p.kind, p.name) = v_name;
  v_held := found;
  if kind = 'task' then
    update :OWN.breakers b set state = 'closed', failures = 0, successes = 0, opened_at = null,
      open_until = null, canary_process = null, canary_until = null, changed_at = now()
    where b.task = v_name and (b.state <> 'closed' or b.failures > 0);
    v_held := v_held or found;
  end if;
  if v_held then
    perform pg_notify(:CONTROL, '{"kind":"gates"}');
  end if;
  return v_held;
end;
$$;

comment on function :OWN.resume is
  'Ends a pause; of a task it closes the breaker too. Returns whether anything was held.';

-- In the order in which they ended: so many failures, and if there were successes among them, the
-- longest run of failures after the first one and how many came after the last one.
create function :OWN.count_attempts(
  task text,
  failures integer,
  longest integer,
  last_run integer,
  threshold integer,
  open_for_ms double precision,
  error text
) returns void language plpgsql as $$
declare
  b :OWN.breakers%rowtype;
  v_failures integer;
begin
  insert into :OWN.breakers as known (task) values (count_attempts.task)
  on conflict on constraint breakers_pkey do nothing;
  select * into b from :OWN.breakers known where known.task = count_attempts.task for update;
  -- What had started before it opened says nothing new.
  if b.state is distinct from 'closed' then
    return;
  end if;
  if greatest(b.failures + count_attempts.failures, longest) >= threshold then
    update :OWN.breakers known set state = 'open', successes = 0,
      failures = greatest(b.failures + count_attempts.failures, longest),
      opened_at = clock_timestamp(), changed_at = clock_timestamp(),
      last_error = count_attempts.error,
      open_until = clock_timestamp() + open_for_ms * interval '1 millisecond',
      canary_process = null, canary_until = null
    where known.task = count_attempts.task;
    perform pg_notify(:CONTROL, '{"kind":"gates"}');
    return;
  end if;
  v_failures := coalesce(last_run, b.failures + count_attempts.failures);
  if v_failures <> b.failures then
    update :OWN.breakers known set failures = v_failures, changed_at = clock_timestamp(),
      last_error = coalesce(count_attempts.error, b.last_error)
    where known.task = count_attempts.task;
  end if;
  -- From now on a success counts, wherever it happens.
  if b.failures = 0 and v_failures > 0 then
    perform pg_notify(:CONTROL, '{"kind":"gates"}');
  end if;
end;
$$;

comment on function :OWN.count_attempts is
  'For taskrun''s processes: counts attempts of a task with a breaker, opens it at the threshold.';

-- How: success, failure, or neither (given back, snoozed, cancelled).
create function :OWN.end_canary(
  task text,
  process text,
  how text,
  threshold integer,
  open_for_ms double precision,
  error text
) returns void language plpgsql as $$
declare
  b :OWN.breakers%rowtype;
  v_successes integer;
begin
  select * into b from :OWN.breakers known
  where known.task = end_canary.task and known.state = 'half_open'
    and known.canary_process = end_canary.process
  for update;
  if not found then
    return;
  end if;
  v_successes := b.successes + case how when 'success' then 1 else 0 end;
  if how = 'failure' then
    update :OWN.breakers known set state = 'open', successes = 0, canary_process = null,
      canary_until = null, opened_at = clock_timestamp(), changed_at = clock_timestamp(),
      open_until = clock_timestamp() + open_for_ms * interval '1 millisecond',
      last_error = end_canary.error
    where known.task = end_canary.task;
  elsif v_successes >= threshold then
    update :OWN.breakers known set state = 'closed', failures = 0, successes = 0,
      opened_at = null, open_until = null, canary_process = null, canary_until = null,
      changed_at = clock_timestamp()
    where known.task = end_canary.task;
  else
    update :OWN.breakers known set successes = v_successes, canary_process = null,
      canary_until = null, changed_at = clock_timestamp()
    where known.task = end_canary.task;
  end if;
  perform pg_notify(:CONTROL, '{"kind":"gates"}');
end;
$$;

comment on function :OWN.end_canary is
  'For taskrun''s processes: tells how the job ended that a half-open breaker let through.';
