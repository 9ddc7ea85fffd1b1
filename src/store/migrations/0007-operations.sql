-- Cancel, retry, run now: for psql and for our own code alike. :QUEUE is graphile-worker's
-- schema, :OWN is ours.
--
--   cancel_job, retry_job, run_now         one job; an error says why not
--   cancel_jobs, retry_jobs, run_jobs_now  all jobs that a filter matches, one row for each
--   sweep_cancellations                    ends requests whose job doesn't run any more
--
-- A waiting job is cancelled on the spot. A running one is its process's: it gets a request in
-- `cancellations`, the process is told on the control channel, tells the attempt to stop, and
-- settles it as cancelled. The row of a running job is not locked for that, so that cancelling
-- never waits for settling; an attempt that ends at that moment leaves the request behind, and
-- the sweep does what it asks for.

-- What the history says of who cancelled a job and why.
create function :OWN.cancel_note(reason text, requested_by text) returns text
language sql immutable as $$
  select case
    when nullif(requested_by, '') is null then nullif(reason, '')
    when nullif(reason, '') is null then 'cancelled by ' || requested_by
    else reason || ' (cancelled by ' || requested_by || ')'
  end;
$$;

create function :OWN.ended_state(id bigint) returns text language sql stable as $$
  select h.state from :OWN.history h where h.job_id = ended_state.id;
$$;

create function :OWN.refuse_unknown_job(id bigint) returns void language plpgsql as $$
begin
  raise exception 'there is no job %', coalesce(id::text, 'null') using errcode = 'no_data_found',
    hint = 'Finished jobs are known as long as their history is kept.';
end;
$$;

-- Tells everybody who fetches. Equal notifications of one transaction are sent once.
create function :OWN.notify_due() returns void language sql as $$
  select pg_notify('jobs:insert', '{"r":0,"count":1}');
$$;

-- Takes a waiting job, whose row the caller has locked, out of the queue and into the history.
create function :OWN.end_cancelled(id bigint, note text) returns void language plpgsql as $$
declare
  v_id constant bigint := end_cancelled.id;
  v_note constant text := end_cancelled.note;
  v_job :QUEUE._private_jobs;
begin
  delete from :QUEUE._private_jobs j where j.id = v_id returning j.* into v_job;
  with details as (
    delete from :OWN.job_details d where d.job_id = v_id returning d.*
  )
  insert into :OWN.history (job_id, task, state, payload, error, metadata, progress, attempts,
    max_attempts, priority, queue, key, created_at, run_at, finished_at, correlation_id,
    created_by, parent_id)
  select v_id, t.identifier, 'cancelled', v_job.payload, v_note, d.metadata, d.progress,
    v_job.attempts, v_job.max_attempts, v_job.priority, q.queue_name, v_job.key,
    v_job.created_at,
    case when v_job.run_at = 'infinity' then coalesce(d.blocked_run_at, v_job.created_at)
      else v_job.run_at end,
    now(), d.correlation_id, d.created_by, d.parent_id
  from :QUEUE._private_tasks t
  left join :QUEUE._private_job_queues q on q.id = v_job.job_queue_id
  left join details d on true
  where t.id = v_job.task_id
  on conflict (job_id) do update set state = excluded.state, output = null,
    error = excluded.error, metadata = excluded.metadata, progress = excluded.progress,
    attempts = excluded.attempts, run_at = excluded.run_at, started_at = null,
    finished_at = excluded.finished_at, process = null;
  if exists (select from :QUEUE._private_tasks t join :OWN.tasks known on known.name = t.identifier
    where t.id = v_job.task_id and known.retain_cancelled_ms = 0) then
    perform :OWN.forget_traces(array[v_id], array[v_job.task_id], array['cancelled'],
      array[v_note], array[v_job.attempts::integer]);
  end if;
  delete from :OWN.cancellations c where c.job_id = v_id;
  delete from :OWN.dependencies d where d.job_id = v_id;
  if exists (select from :OWN.dependencies d where d.parent_id = v_id) then
    perform :OWN.resolve_dependents(array[v_id], 'cancelled');
  end if;
end;
$$;

-- Asks the process that runs the job to end it. False when it doesn't run any more.
create function :OWN.request_cancel(id bigint, reason text, requested_by text)
returns boolean language plpgsql as $$
declare
  v_id constant bigint := request_cancel.id;
  v_owner text;
begin
  insert into :OWN.cancellations (job_id, reason, requested_by)
  values (v_id, nullif(request_cancel.reason, ''), nullif(request_cancel.requested_by, ''))
  on conflict (job_id) do nothing;
  select j.locked_by into v_owner from :QUEUE._private_jobs j
    where j.id = v_id and j.locked_at is not null;
  if not found then
    return false;
  end if;
  -- A plain graphile-worker process hears nothing of us and goes on. If the attempt fails, then
  -- at least it was the last one.
  if v_owner not like 'taskrun-%'
    and not exists (select from :OWN.processes p where p.id = v_owner) then
    update :QUEUE._private_jobs j set attempts = j.max_attempts
      where j.id = v_id and j.locked_by = v_owner;
  end if;
  perform pg_notify(:CONTROL, json_build_object('kind', 'cancel', 'job', v_id::text)::text);
  return true;
end;
$$;

-- What cancel_job returns; null when there is no such job.
create function :OWN.try_cancel(id bigint, reason text, requested_by text)
returns text language plpgsql as $$
declare
  v_id constant bigint := try_cancel.id;
  v_note constant text := :OWN.cancel_note(try_cancel.reason, try_cancel.requested_by);
  v_job :QUEUE._private_jobs;
  v_ending text;
begin
  loop
    select j.* into v_job from :QUEUE._private_jobs j where j.id = v_id;
    if not found then
      return :OWN.ended_state(v_id);
    end if;
    if v_job.locked_at is null then
      -- From here on nobody can fetch it.
      select j.* into v_job from :QUEUE._private_jobs j
        where j.id = v_id and j.locked_at is null for update;
    end if;
    continue when not found;
    if v_job.locked_at is null and v_job.attempts >= v_job.max_attempts then
      return 'failed';
    end if;
    select d.ending ->> 'state' into v_ending from :OWN.job_details d where d.job_id = v_id;
    if v_ending is not null then
      -- Its end is decided; what runs, or waits to run, are the compensations.
      return case v_ending when 'cancelled' then 'cancelling' else v_ending end;
    end if;
    exit when v_job.locked_at is null;
    if :OWN.request_cancel(v_id, try_cancel.reason, try_cancel.requested_by) then
      return 'cancelling';
    end if;
  end loop;
  if exists (select from :OWN.steps s
    where s.job_id = v_id and s.state = 'done' and s.compensable) then
    -- The next attempt compensates them, and then ends the job as it says here.
    insert into :OWN.job_details as d (job_id, ending) values (v_id,
      jsonb_build_object('state', 'cancelled', 'error', null, 'reason', v_note))
    on conflict (job_id) do update set ending = excluded.ending, blocked_run_at = null;
    delete from :OWN.dependencies d where d.job_id = v_id;
    delete from :OWN.cancellations c where c.job_id = v_id;
    -- Without its key: an add with that would make it another job, whose end is not decided.
    update :QUEUE._private_jobs j set run_at = now(), updated_at = now(), key = null,
      attempts = least(j.attempts, j.max_attempts - 1) where j.id = v_id;
    perform :OWN.notify_due();
    return 'cancelling';
  end if;
  perform :OWN.end_cancelled(v_id, v_note);
  return 'cancelled';
end;
$$;

create function :OWN.cancel_job(id bigint, reason text default null,
  requested_by text default null)
returns text language plpgsql as $$
declare
  v_state constant text :=
    :OWN.try_cancel(cancel_job.id, cancel_job.reason, cancel_job.requested_by);
begin
  if v_state is null then
    perform :OWN.refuse_unknown_job(cancel_job.id);
  end if;
  return v_state;
end;
$$;

comment on function :OWN.cancel_job is
  'Cancels a job. Returns cancelled; cancelling when it runs or has steps to compensate first; completed, failed or cancelled when it had ended before.';

create function :OWN.sweep_cancellations(also bigint[] default '{}')
returns table (id bigint, state text) language plpgsql as $$
declare
  v_request :OWN.cancellations;
  v_job :QUEUE._private_jobs;
begin
  for v_request in
    select c.* from :OWN.cancellations c
    left join :QUEUE._private_jobs j on j.id = c.job_id
    where j.locked_at is null or c.job_id = any (also) order by c.job_id
  loop
    select j.* into v_job from :QUEUE._private_jobs j where j.id = v_request.job_id for update;
    if found and v_job.locked_at is not null then
      -- Somebody has fetched it since it was asked for, and could not know.
      perform pg_notify(:CONTROL,
        json_build_object('kind', 'cancel', 'job', v_request.job_id::text)::text);
      continue;
    end if;
    delete from :OWN.cancellations c where c.job_id = v_request.job_id;
    -- Another process was faster, and the job may have been retried by hand since.
    continue when not found;
    sweep_cancellations.id := v_request.job_id;
    if v_job.id is null then
      select h.state into sweep_cancellations.state
        from :OWN.history h where h.job_id = v_request.job_id;
    elsif v_job.attempts >= v_job.max_attempts and not exists (
      select from :OWN.history h where h.job_id = v_job.id) then
      -- Failed by a plain graphile-worker process, which leaves no record.
      perform :OWN.end_cancelled(v_job.id,
        :OWN.cancel_note(v_request.reason, v_request.requested_by));
      sweep_cancellations.state := 'cancelled';
    else
      sweep_cancellations.state :=
        :OWN.try_cancel(v_job.id, v_request.reason, v_request.requested_by);
    end if;
    return next;
  end loop;
end;
$$;

comment on function :OWN.sweep_cancellations is
  'Does what is left of requests to cancel whose job does not run any more: cancels it if it waits again. `also` are jobs that have changed hands: their process is told again. Every taskrun process calls it.';

-- What became of it: due, or the state that forbids it, or key taken; null when there is no
-- such job.
create function :OWN.try_retry(id bigint) returns text language plpgsql as $$
declare
  v_id constant bigint := try_retry.id;
  v_job :QUEUE._private_jobs;
  v_past :OWN.history;
begin
  -- Twice: between the two looks another session may have put it back into the queue.
  for try in 1 .. 2 loop
    select j.* into v_job from :QUEUE._private_jobs j
      where j.id = v_id and j.locked_at is null for update;
    if found then
      if v_job.attempts < v_job.max_attempts then
        return (select j.state from :OWN.jobs j where j.id = v_id);
      end if;
      -- Its last error stays: it is still the last one.
      update :QUEUE._private_jobs j set attempts = 0, run_at = now(), updated_at = now()
        where j.id = v_id;
      update :OWN.job_details d set ending = null, blocked_run_at = null, progress = null,
        crashes = 0, suspect = false where d.job_id = v_id;
      exit;
    end if;
    if exists (select from :QUEUE._private_jobs j where j.id = v_id) then
      return 'running';
    end if;
    select h.* into v_past from :OWN.history h where h.job_id = v_id for update;
    if found then
      if v_past.state = 'completed' then
        return 'completed';
      end if;
      if not :OWN.add_again(v_past) then
        return 'key taken';
      end if;
      exit;
    end if;
    if try = 2 then
      return :OWN.ended_state(v_id);
    end if;
  end loop;
  -- It has not ended any more: its record comes anew when it does.
  delete from :OWN.history h where h.job_id = v_id;
  delete from :OWN.cancellations c where c.job_id = v_id;
  perform :OWN.notify_due();
  return 'due';
end;
$$;

-- Puts a job that only the history has back into the queue, under its own id, so that whoever
-- knows the id finds it, and its steps. False when a newer job has its key.
create function :OWN.add_again(past :OWN.history) returns boolean language plpgsql as $$
begin
  insert into :QUEUE._private_tasks (identifier) select past.task
    where not exists (select from :QUEUE._private_tasks t where t.identifier = past.task)
    on conflict do nothing;
  insert into :QUEUE._private_job_queues (queue_name) select past.queue
    where past.queue is not null and not exists (
      select from :QUEUE._private_job_queues q where q.queue_name = past.queue)
    on conflict do nothing;
  insert into :QUEUE._private_jobs (id, job_queue_id, task_id, payload, priority, max_attempts,
    last_error, created_at, key) overriding system value
  select past.job_id, q.id, t.id, coalesce(past.payload, '{}'), past.priority,
    past.max_attempts, coalesce(past.error, past.state), past.created_at, past.key
  from :QUEUE._private_tasks t
  left join :QUEUE._private_job_queues q on q.queue_name = past.queue
  where t.identifier = past.task
  on conflict do nothing;
  if not found then
    return false;
  end if;
  if coalesce(past.correlation_id, past.created_by, past.parent_id::text, past.metadata::text)
    is not null then
    insert into :OWN.job_details (job_id, correlation_id, created_by, parent_id, metadata)
    values (past.job_id, past.correlation_id, past.created_by, past.parent_id, past.metadata)
    on conflict (job_id) do nothing;
  end if;
  return true;
end;
$$;

create function :OWN.retry_job(id bigint) returns bigint language plpgsql as $$
declare
  v_id constant bigint := retry_job.id;
  v_state constant text := :OWN.try_retry(v_id);
begin
  if v_state is null then
    perform :OWN.refuse_unknown_job(v_id);
  elsif v_state = 'key taken' then
    raise exception 'job % can''t be retried: job % has its key now', v_id,
      (select j.id from :QUEUE._private_jobs j
        join :OWN.history h on h.job_id = v_id and h.key = j.key)
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Cancel that job first, or let it do the work.';
  elsif v_state = 'completed' then
    raise exception 'job % has completed', v_id
      using errcode = 'object_not_in_prerequisite_state', hint = 'Add it again to run it again.';
  elsif v_state <> 'due' then
    raise exception 'job % is %: there is nothing to retry', v_id, v_state
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Failed and cancelled jobs can be retried; run_now runs a waiting one at once.';
  end if;
  return v_id;
end;
$$;

comment on function :OWN.retry_job is
  'Runs a failed or cancelled job again, with all its attempts, under the same id, which it returns. Steps that are done are not done again.';

-- What became of it: due, or the state that forbids it; null when there is no such job.
create function :OWN.try_run_now(id bigint) returns text language plpgsql as $$
declare
  v_id constant bigint := try_run_now.id;
  v_job :QUEUE._private_jobs;
begin
  select j.* into v_job from :QUEUE._private_jobs j
    where j.id = v_id and j.locked_at is null for update;
  if not found then
    return case when exists (select from :QUEUE._private_jobs j where j.id = v_id)
      then 'running' else :OWN.ended_state(v_id) end;
  end if;
  if v_job.attempts >= v_job.max_attempts then
    return 'failed';
  end if;
  if v_job.run_at = 'infinity' and exists (select from :OWN.job_details d
    where d.job_id = v_id and d.blocked_run_at is not null) then
    return 'blocked';
  end if;
  update :QUEUE._private_jobs j set run_at = now(), updated_at = now()
    where j.id = v_id and j.run_at > now();
  perform :OWN.notify_due();
  return 'due';
end;
$$;

create function :OWN.run_now(id bigint) returns text language plpgsql as $$
declare
  v_id constant bigint := run_now.id;
  v_state constant text := :OWN.try_run_now(v_id);
  v_parents bigint[];
begin
  if v_state is null then
    perform :OWN.refuse_unknown_job(v_id);
  elsif v_state = 'blocked' then
    v_parents := array(select d.parent_id from :OWN.dependencies d
      where d.job_id = v_id order by d.parent_id);
    raise exception 'job % waits for % that ha% not ended: %', v_id,
      case cardinality(v_parents) when 1 then 'a job' else cardinality(v_parents) || ' jobs' end,
      case cardinality(v_parents) when 1 then 's' else 've' end,
      array_to_string(v_parents[1:10], ', ')
        || case when cardinality(v_parents) > 10 then ', …' else '' end
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'It runs when they have. To run it without them, add it again without after.';
  end if;
  return v_state;
end;
$$;

comment on function :OWN.run_now is
  'Makes a scheduled or retrying job due now. Returns due; or running, completed, failed or cancelled, when there is nothing to do.';

create function :OWN.refuse_filter(what text) returns void language plpgsql as $$
begin
  raise exception 'the filter %', what using errcode = 'invalid_parameter_value',
    hint = 'Such as {"task": "send_email", "since": "2030-01-31T08:00:00Z"}; {"all": true} for every job.';
end;
$$;

-- The states in which a job can be cancelled, retried or run now; and of these, the ones that a
-- filter means that doesn't say.
create function :OWN.states_for(operation text, by_default boolean) returns text[]
language sql immutable as $$
  select case operation
    when 'cancel' then '{pending,scheduled,blocked,retrying,running}'::text[]
    when 'retry' then case when by_default then '{failed}' else '{failed,cancelled}' end::text[]
    when 'run_now' then '{pending,scheduled,retrying}'::text[]
  end;
$$;

create function :OWN.check_filter(operation text, filter jsonb) returns void
language plpgsql as $$
declare
  known constant text[] := array['ids', 'task', 'state', 'queue', 'correlation_id', 'since',
    'until', 'limit', 'all'];
  v_unknown text;
  v_state text;
begin
  if :OWN.states_for(operation, false) is null then
    raise exception 'there is no operation %; there are cancel, retry and run_now', operation
      using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(filter) is distinct from 'object' then
    perform :OWN.refuse_filter('must be a JSON object');
  end if;
  select string_agg(quote_literal(name), ', ') into v_unknown
    from jsonb_object_keys(filter) as name where name <> all (known);
  if v_unknown is not null then
    perform :OWN.refuse_filter(format('has no %s; there are %s', v_unknown,
      array_to_string(known, ', ')));
  end if;
  if filter - 'limit' - 'all' = '{}' and filter -> 'all' is distinct from 'true' then
    perform :OWN.refuse_filter('chooses nothing');
  end if;
  if filter ? 'ids' and jsonb_typeof(filter -> 'ids') <> 'array' then
    perform :OWN.refuse_filter('has ids that are no array');
  end if;
  if filter ? 'limit' and not coalesce(filter ->> 'limit' ~ '^[1-9][0-9]{0,8}$', false) then
    perform :OWN.refuse_filter('has a limit that is no positive number');
  end if;
  v_state := filter ->> 'state';
  if v_state <> all (:OWN.states_for(operation, false)) then
    perform :OWN.refuse_filter(format('has the state %s: this is for jobs that are %s', v_state,
      array_to_string(:OWN.states_for(operation, false), ', ')));
  end if;
end;
$$;

create function :OWN.matching_jobs(operation text, filter jsonb) returns setof bigint
language plpgsql stable as $$
declare
  v_ids bigint[];
  v_states text[];
  v_since constant timestamptz := (filter ->> 'since')::timestamptz;
  v_until constant timestamptz := (filter ->> 'until')::timestamptz;
begin
  perform :OWN.check_filter(operation, filter);
  if filter ? 'ids' then
    v_ids := array(select jsonb_array_elements_text(filter -> 'ids')::bigint);
  end if;
  v_states := case when filter ->> 'state' is not null then array[filter ->> 'state']
    else :OWN.states_for(operation, not filter ? 'ids') end;
  return query select j.id from :OWN.jobs j
    where (v_ids is null or j.id = any (v_ids))
      and j.state = any (v_states)
      and (filter ->> 'task' is null or j.task = filter ->> 'task')
      and (filter ->> 'queue' is null or j.queue = filter ->> 'queue')
      and (filter ->> 'correlation_id' is null or j.correlation_id = filter ->> 'correlation_id')
      and (v_since is null or coalesce(j.finished_at, j.created_at) >= v_since)
      and (v_until is null or coalesce(j.finished_at, j.created_at) < v_until)
    order by j.id limit (filter ->> 'limit')::bigint;
end;
$$;

comment on function :OWN.matching_jobs is
  'The ids of the jobs that cancel_jobs, retry_jobs or run_jobs_now (cancel, retry, run_now) would take with this filter.';

create function :OWN.cancel_jobs(filter jsonb, reason text default null,
  requested_by text default null)
returns table (id bigint, state text) language sql as $$
  select job, coalesce(:OWN.try_cancel(job, cancel_jobs.reason, cancel_jobs.requested_by), 'gone')
  from :OWN.matching_jobs('cancel', filter) as job;
$$;

comment on function :OWN.cancel_jobs is
  'Cancels the jobs that match: ids, task, state, queue, correlation_id, since, until, limit, or {"all": true}. A row for each, with what cancel_job returns.';

create function :OWN.retry_jobs(filter jsonb)
returns table (id bigint, state text) language sql as $$
  select job, coalesce(:OWN.try_retry(job), 'gone') from :OWN.matching_jobs('retry', filter) as job;
$$;

comment on function :OWN.retry_jobs is
  'Retries the failed jobs that match; cancelled ones if the filter has their state or ids. A row for each: due, or what is in the way.';

create function :OWN.run_jobs_now(filter jsonb)
returns table (id bigint, state text) language sql as $$
  select job, coalesce(:OWN.try_run_now(job), 'gone') from :OWN.matching_jobs('run_now', filter) as job;
$$;

comment on function :OWN.run_jobs_now is
  'Makes the waiting jobs that match due now. A row for each, with what run_now returns.';
