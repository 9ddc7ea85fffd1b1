-- Jobs that wait for other jobs. :QUEUE is graphile-worker's schema, :OWN is ours.
--
--   job_ends                what has become of jobs, by their ids
--   block_job               makes a job wait for others (`after`, `ctx.waitFor`)
--   resolve_dependents      called by whatever ends jobs, in the transaction that ends them
--   check_new_dependency    at commit: did the parent end while the child was being added?
--   suspend_job             settles an attempt that waits for other jobs
--   sweep_blocked           finds what has ended behind our back; called every few seconds
--
-- A row of `dependencies` says that a job waits for a parent that had not ended when the row was
-- written. Whoever ends a parent locks its children's rows in the queue, then removes the rows,
-- then looks, by a new snapshot, which children have no rows left. The lock is what makes two
-- parents that end at the same moment see each other.
--
-- Adding a child locks none of its parents until it commits: a transaction that stays open for
-- long would otherwise hold up whoever settles them.
--
-- A queue goes from empty to huge within one transaction, and plans don't follow: these functions
-- are told to use indexes, whoever calls them.

create index blocked_jobs on :OWN.job_details (job_id) where blocked_run_at is not null;

create function :OWN.job_ends(ids bigint[])
returns table (id bigint, task text, state text, output json, error text)
language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_never bigint;
begin
  return query
  select asked.id, coalesce(t.identifier, h.task),
    case when j.id is null then coalesce(h.state, 'gone')
      when j.attempts >= j.max_attempts and j.locked_at is null then 'failed'
      else 'unfinished' end,
    case when j.id is null then h.output end,
    case when j.id is null then h.error
      when j.attempts >= j.max_attempts and j.locked_at is null
      then coalesce(j.last_error, h.error) end
  from unnest(ids) with ordinality as asked (id, place)
  left join :QUEUE._private_jobs j on j.id = asked.id
  left join :QUEUE._private_tasks t on t.id = j.task_id
  left join :OWN.history h on h.job_id = asked.id
  order by asked.place;

  select asked.id into v_never from unnest(ids) as asked (id)
  where not exists (select from :QUEUE._private_jobs j where j.id = asked.id)
    and not exists (select from :OWN.history h where h.job_id = asked.id)
    and (asked.id is null or asked.id < 1 or asked.id > coalesce(pg_sequence_last_value(
      pg_get_serial_sequence(':QUEUE._private_jobs', 'id')::regclass), 0))
  limit 1;
  if found then
    raise exception 'taskrun: there is no job % to wait for', coalesce(v_never::text, 'null')
      using errcode = '22023', hint = 'Give ids that add_job has returned.';
  end if;
end;
$$;

comment on function :OWN.job_ends is
  'What has become of jobs, in the order asked: completed, failed, cancelled, unfinished, or gone when nothing is kept of the job any more.';

-- Whether a job waits, over however many others, for itself.
create function :OWN.waits_for_itself(job_id bigint) returns boolean language sql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
  with recursive above (id) as (
    select d.parent_id from :OWN.dependencies d where d.job_id = waits_for_itself.job_id
    union
    select d.parent_id from above join :OWN.dependencies d on d.job_id = above.id
  )
  select exists (select from above where above.id = waits_for_itself.job_id);
$$;

create function :OWN.refuse_cycle(job_id bigint) returns void language plpgsql as $$
begin
  if :OWN.waits_for_itself(refuse_cycle.job_id) then
    raise exception 'taskrun: job % can''t wait for jobs that wait for it', refuse_cycle.job_id
      using errcode = '22023', hint = 'Leave one of the jobs out of `after` or `waitFor`.';
  end if;
end;
$$;

-- Of jobs whose rows the caller has locked, those that have nothing left to wait for become due.
create function :OWN.release_blocked(ids bigint[]) returns integer language plpgsql as $$
declare
  v_released bigint[];
begin
  with released as (
    update :QUEUE._private_jobs j
    set run_at = greatest(now(), d.blocked_run_at), updated_at = now()
    from :OWN.job_details d
    where j.id = any (ids) and d.job_id = j.id and d.blocked_run_at is not null
      and j.run_at = 'infinity' and j.locked_at is null
      and not exists (select from :OWN.dependencies w where w.job_id = j.id)
    returning j.id
  )
  select array_agg(released.id) into v_released from released;
  if v_released is null then return 0; end if;
  update :OWN.job_details d set blocked_run_at = null where d.job_id = any (v_released);
  perform pg_notify('jobs:insert',
    json_build_object('r', random(), 'count', cardinality(v_released))::text);
  return cardinality(v_released);
end;
$$;

-- Ends blocked jobs whose rows the caller has locked: out of the queue as cancelled, or in it as
-- failed. Returns those that were still blocked.
create function :OWN.end_blocked(ids bigint[], states text[], errors text[])
returns table (id bigint, state text) language plpgsql as $$
#variable_conflict use_column
begin
  return query
  with hit as materialized (
    select j.*, t.identifier as task, q.queue_name, end_as.state, end_as.error, d.metadata,
      d.progress, d.correlation_id, d.created_by, d.parent_id, d.blocked_run_at
    from unnest(ids, states, errors) as end_as (id, state, error)
    join :QUEUE._private_jobs j on j.id = end_as.id
    join :QUEUE._private_tasks t on t.id = j.task_id
    join :OWN.job_details d on d.job_id = j.id
    left join :QUEUE._private_job_queues q on q.id = j.job_queue_id
    where d.blocked_run_at is not null and j.run_at = 'infinity' and j.locked_at is null
      and j.attempts < j.max_attempts
  ),
  removed as (
    delete from :QUEUE._private_jobs j using hit where j.id = hit.id and hit.state = 'cancelled'
  ),
  kept as (
    update :QUEUE._private_jobs j set attempts = j.max_attempts, last_error = hit.error,
      run_at = hit.blocked_run_at, updated_at = now()
    from hit where j.id = hit.id and hit.state = 'failed'
  ),
  details as (
    delete from :OWN.job_details d using hit where d.job_id = hit.id and hit.state = 'cancelled'
  ),
  unblocked as (
    update :OWN.job_details d set blocked_run_at = null
    from hit where d.job_id = hit.id and hit.state = 'failed'
  ),
  recorded as (
    insert into :OWN.history (job_id, task, state, payload, error, metadata, progress, attempts,
      max_attempts, priority, queue, key, created_at, run_at, finished_at, correlation_id,
      created_by, parent_id)
    select hit.id, hit.task, hit.state, hit.payload, hit.error, hit.metadata, hit.progress,
      hit.attempts, hit.max_attempts, hit.priority, hit.queue_name, hit.key, hit.created_at,
      hit.blocked_run_at, now(), hit.correlation_id, hit.created_by, hit.parent_id
    from hit
    on conflict (job_id) do update set state = excluded.state, payload = excluded.payload,
      output = null, error = excluded.error, metadata = excluded.metadata,
      progress = excluded.progress, attempts = excluded.attempts, run_at = excluded.run_at,
      started_at = null, finished_at = excluded.finished_at, process = null
  )
  select hit.id, hit.state from hit;
end;
$$;

create function :OWN.resolve_found(parents bigint[], state text)
returns integer language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_ids bigint[] := parents;
  v_states text[];
  v_children bigint[];
  v_hit bigint[];
  v_ends text[];
  v_errors text[];
  v_resolved integer := 0;
begin
  v_states := array_fill(resolve_found.state, array[cardinality(v_ids)]);
  -- One turn for each layer of the graph that ends with its parents.
  loop
    select array_agg(distinct d.job_id) into v_children
      from unnest(v_ids) as ended (id) join :OWN.dependencies d on d.parent_id = ended.id;
    exit when v_children is null;
    perform from :QUEUE._private_jobs j where j.id = any (v_children) order by j.id for update;

    with gone as (
      delete from :OWN.dependencies d using unnest(v_ids, v_states) as ended (id, state)
      where d.parent_id = ended.id
      returning d.job_id, d.parent_id, d.on_parent_failure, ended.state
    )
    select array_agg(job_id), array_agg(case on_parent_failure when 'fail' then 'failed'
        else 'cancelled' end), array_agg(error)
    into v_hit, v_ends, v_errors
    from (
      select distinct on (gone.job_id) gone.job_id, gone.on_parent_failure,
        case gone.on_parent_failure when 'fail' then 'failed' else 'cancelled' end
        || ' because job ' || gone.parent_id || coalesce(' (' || coalesce(
          (select t.identifier from :QUEUE._private_jobs j
            join :QUEUE._private_tasks t on t.id = j.task_id where j.id = gone.parent_id),
          (select h.task from :OWN.history h where h.job_id = gone.parent_id)) || ')', '')
        || case gone.state when 'failed' then ' failed' else ' was cancelled' end as error
      from gone where gone.state <> 'completed' and gone.on_parent_failure <> 'run'
      order by gone.job_id, gone.parent_id
    ) as hit;

    v_ids := null;
    if v_hit is not null then
      select array_agg(e.id), array_agg(e.state) into v_ids, v_states
        from :OWN.end_blocked(v_hit, v_ends, v_errors) e;
      delete from :OWN.dependencies d where d.job_id = any (v_ids);
      v_resolved := v_resolved + coalesce(cardinality(v_ids), 0);
    end if;
    v_resolved := v_resolved + :OWN.release_blocked(v_children);
    exit when v_ids is null;
  end loop;
  return v_resolved;
end;
$$;

create function :OWN.resolve_dependents(parents bigint[], state text)
returns integer language plpgsql as $$
begin
  -- Every settlement comes by here.
  if parents is null or not exists (select from :OWN.dependencies) then return 0; end if;
  return :OWN.resolve_found(parents, state);
end;
$$;

comment on function :OWN.resolve_dependents is
  'Tells the jobs that wait for these that they have ended: completed, failed or cancelled. Returns how many of them were released, cancelled or failed by it.';

create function :OWN.block_job(job_id bigint, parents bigint[],
  on_parent_failure text default 'cancel', run_at timestamptz default null)
returns void language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_policy text := coalesce(block_job.on_parent_failure, 'cancel');
  v_job :QUEUE._private_jobs;
  v_run_at timestamptz;
  v_waits_for bigint[];
  v_failed bigint[];
  v_cancelled bigint[];
begin
  if v_policy not in ('cancel', 'run', 'fail') then
    raise exception 'taskrun: on_parent_failure is %, expected cancel, run or fail', v_policy
      using errcode = '22023';
  end if;
  select * into v_job from :QUEUE._private_jobs j where j.id = block_job.job_id for update;
  if v_job.id is null or v_job.locked_at is not null then
    raise exception 'taskrun: job % % and can''t be made to wait', block_job.job_id,
      case when v_job.id is null then 'is not in the queue' else 'is running' end
      using errcode = '22023';
  end if;
  if v_job.id = any (parents) then
    raise exception 'taskrun: job % can''t wait for itself', v_job.id using errcode = '22023';
  end if;

  select array_agg(distinct e.id) filter (where e.state = 'unfinished'
      or e.state in ('failed', 'cancelled') and v_policy <> 'run'),
    array_agg(e.id) filter (where e.state = 'failed'),
    array_agg(e.id) filter (where e.state = 'cancelled')
  into v_waits_for, v_failed, v_cancelled from :OWN.job_ends(parents) e;

  select coalesce(block_job.run_at, case when v_job.run_at = 'infinity' then d.blocked_run_at end,
      v_job.run_at) into v_run_at
    from (values (v_job.id)) as this (id) left join :OWN.job_details d on d.job_id = this.id;
  delete from :OWN.dependencies d where d.job_id = v_job.id;
  if v_waits_for is null then
    update :QUEUE._private_jobs j set run_at = v_run_at
      where j.id = v_job.id and j.run_at <> v_run_at;
    update :OWN.job_details d set blocked_run_at = null
      where d.job_id = v_job.id and d.blocked_run_at is not null;
    return;
  end if;
  insert into :OWN.dependencies (job_id, parent_id, on_parent_failure)
    select v_job.id, parent.id, v_policy from unnest(v_waits_for) as parent (id) order by 2;
  if exists (select from :OWN.dependencies d where d.parent_id = v_job.id) then
    perform :OWN.refuse_cycle(v_job.id);
  end if;
  insert into :OWN.job_details (job_id, blocked_run_at) values (v_job.id, v_run_at)
    on conflict on constraint job_details_pkey
    do update set blocked_run_at = excluded.blocked_run_at;
  update :QUEUE._private_jobs j set run_at = 'infinity' where j.id = v_job.id;
  if v_policy <> 'run' then
    perform :OWN.resolve_dependents(v_failed, 'failed');
    perform :OWN.resolve_dependents(v_cancelled, 'cancelled');
  end if;
end;
$$;

comment on function :OWN.block_job is
  'Makes a waiting job wait for the end of others, in place of those it waited for before; with none it waits no more. on_parent_failure: cancel, run or fail.';

-- Runs when the adding transaction commits: only now is it certain to be seen by whoever ends the
-- parent from here on, once the parent's row is locked. A row that somebody else is at is not
-- waited for, lest two that wait for each other end in a deadlock; the sweep looks at it then.
create function :OWN.check_new_dependency() returns trigger language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_tries integer := 0;
  v_state text;
begin
  if not exists (select from :OWN.dependencies d where d.id = new.id) then return null; end if;
  loop
    perform from :QUEUE._private_jobs j where j.id = new.parent_id for share skip locked;
    exit when found;
    exit when not exists (select from :QUEUE._private_jobs j where j.id = new.parent_id);
    -- A settlement takes milliseconds. One that takes longer is not waited for again.
    exit when current_setting('taskrun.dont_wait', true) = 'on';
    v_tries := v_tries + 1;
    if v_tries > 5 then perform set_config('taskrun.dont_wait', 'on', true); end if;
    perform pg_sleep(0.002 * v_tries);
  end loop;
  select case e.state when 'gone' then 'completed' else e.state end into v_state
    from :OWN.job_ends(array[new.parent_id]) e;
  if v_state <> 'unfinished' then
    perform :OWN.resolve_dependents(array[new.parent_id], v_state);
  elsif exists (select from :QUEUE._private_jobs j
    where j.id = new.job_id and j.revision > 0) then
    -- Only a job that was there before can have somebody wait for it.
    perform pg_advisory_xact_lock(hashtext(:CONTROL), 10);
    perform :OWN.refuse_cycle(new.job_id);
  end if;
  return null;
end;
$$;

create constraint trigger check_new_dependency after insert on :OWN.dependencies
  deferrable initially deferred for each row execute function :OWN.check_new_dependency();

-- Settles an attempt that waits for other jobs, behind the fence of all settlements. The attempt
-- does not count. Null when the attempt was no longer ours; `superseded` when the job's key was
-- taken over meanwhile, so that it must not run again.
create function :OWN.suspend_job(job_id bigint, locked_by text, attempt integer, keyed boolean,
  parents bigint[], progress jsonb)
returns text language plpgsql as $$
#variable_conflict use_column
declare
  v_job :QUEUE._private_jobs;
begin
  -- Two jobs that begin to wait for each other at the same moment must see each other.
  perform pg_advisory_xact_lock(hashtext(:CONTROL), 10);
  select * into v_job from :QUEUE._private_jobs j
    where j.id = suspend_job.job_id and j.locked_by = suspend_job.locked_by
      and (j.attempts = suspend_job.attempt or keyed and j.key is null)
    for update;
  if v_job.id is null then return null; end if;
  if keyed and v_job.key is null then return 'superseded'; end if;
  update :QUEUE._private_jobs j set attempts = greatest(j.attempts - 1, 0), run_at = now(),
    locked_by = null, locked_at = null, updated_at = now() where j.id = v_job.id;
  update :QUEUE._private_job_queues q set locked_by = null, locked_at = null
    where q.id = v_job.job_queue_id and q.locked_by = suspend_job.locked_by;
  if suspend_job.progress is not null then
    insert into :OWN.job_details (job_id, progress) values (v_job.id, suspend_job.progress)
      on conflict on constraint job_details_pkey do update set progress = excluded.progress;
  end if;
  perform :OWN.block_job(v_job.id, parents, 'run', now());
  perform pg_notify('jobs:insert', json_build_object('r', random(), 'count', 1)::text)
    from :QUEUE._private_jobs j where j.id = v_job.id and j.run_at <> 'infinity';
  return 'waiting';
end;
$$;

create function :OWN.sweep_blocked() returns integer language plpgsql
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_state text;
  v_ids bigint[];
  v_resolved integer := 0;
begin
  if not exists (select from :OWN.dependencies)
    and not exists (select from :OWN.job_details d where d.blocked_run_at is not null) then
    return 0;
  end if;
  -- Somebody else is at it.
  if not pg_try_advisory_xact_lock(hashtext(:CONTROL), 11) then return 0; end if;
  for v_state, v_ids in
    select ended.state, array_agg(ended.id) from (
      select parent.id, case when j.id is not null then 'failed'
        else coalesce(h.state, 'completed') end as state
      from (select distinct d.parent_id as id from :OWN.dependencies d) as parent
      left join :QUEUE._private_jobs j on j.id = parent.id
      left join :OWN.history h on h.job_id = parent.id
      where j.id is null or j.attempts >= j.max_attempts and j.locked_at is null
    ) as ended group by ended.state
  loop
    v_resolved := v_resolved + :OWN.resolve_dependents(v_ids, v_state);
  end loop;
  select array_agg(d.job_id) into v_ids
    from :OWN.job_details d join :QUEUE._private_jobs j on j.id = d.job_id
    where d.blocked_run_at is not null and j.run_at = 'infinity'
      and not exists (select from :OWN.dependencies w where w.job_id = d.job_id);
  if v_ids is not null then
    perform from :QUEUE._private_jobs j where j.id = any (v_ids) order by j.id for update;
    v_resolved := v_resolved + :OWN.release_blocked(v_ids);
  end if;
  -- Left by jobs that were removed or made to run by other means.
  delete from :OWN.dependencies d where not exists (select from :QUEUE._private_jobs j
    where j.id = d.job_id and j.run_at = 'infinity');
  update :OWN.job_details d set blocked_run_at = null where d.blocked_run_at is not null
    and not exists (select from :QUEUE._private_jobs j where j.id = d.job_id);
  return v_resolved;
end;
$$;

comment on function :OWN.sweep_blocked is
  'Finds blocked jobs whose parents have ended by other means than taskrun''s, and returns how many of them it released, cancelled or failed.';
