-- How long finished jobs stay. :QUEUE is graphile-worker's schema, :OWN is ours.
--
--   prune_cursors  for each length of time that something is kept for: up to when that was done
--   forgotten_jobs how jobs ended that leave no record, for a minute: for those who wait for them
--   forget_jobs    removes finished jobs with all that is kept of them
--   forget_traces  what is left of jobs that go without a record: for the settling
--   prune          one bounded piece of what has been kept long enough
--
-- History is read by the time at which jobs finished, once for each distinct retention: what
-- stays for a week is looked at when it is a day old, for the others beside it that stay for a
-- day, and then when it is a week old; never in between.

create table :OWN.prune_cursors (
  retain_ms double precision primary key,
  -- A digest of whose retention it is: another one, and it begins anew.
  members text not null,
  pruned_to timestamptz not null default '-infinity',
  began_at timestamptz not null default now()
);

create table :OWN.forgotten_jobs (
  job_id bigint primary key,
  task text not null,
  state text not null,
  error text,
  attempts integer not null,
  forgotten_at timestamptz not null default now()
);
create index forgotten_jobs_by_time on :OWN.forgotten_jobs (forgotten_at);

create function :OWN.default_retention_ms(state text) returns double precision
language sql immutable as $$
  select case $1 when 'failed' then 604800000.0 else 86400000.0 end::double precision
$$;

-- Null = for ever.
create function :OWN.retention_ms(state text, task :OWN.tasks) returns double precision
language sql stable as $$
  select case when (task).name is null then :OWN.default_retention_ms(state)
    when state = 'completed' then (task).retain_completed_ms
    when state = 'cancelled' then (task).retain_cancelled_ms
    else (task).retain_failed_ms end
$$;

-- Whether the queue has the job as one that is still to run or running.
create function :OWN.is_queued(job_id bigint) returns boolean language sql stable as $$
  select exists (
    select 1 from :QUEUE._private_jobs j
    where j.id = $1 and (j.locked_at is not null or j.attempts < j.max_attempts))
$$;

create function :OWN.forget_jobs(ids bigint[]) returns integer language plpgsql as $$
declare
  v_ids bigint[];
begin
  -- A failed job is in the queue until now. One that is being retried at this moment stays.
  with gone as (
    delete from :QUEUE._private_jobs j where j.id in (
      select f.id from :QUEUE._private_jobs f
      where f.id = any (ids) and f.locked_at is null and f.attempts >= f.max_attempts
        and exists (select 1 from :OWN.history h where h.job_id = f.id)
      for update skip locked)
    returning j.id
  )
  delete from :OWN.job_details d using gone where d.job_id = gone.id;
  -- What the queue still has is not finished: its attempts and steps belong to it.
  select array_agg(h.job_id) into v_ids from :OWN.history h
    where h.job_id = any (ids)
      and not exists (select 1 from :QUEUE._private_jobs j where j.id = h.job_id);
  if v_ids is null then
    return 0;
  end if;
  delete from :OWN.attempts where job_id = any (v_ids);
  delete from :OWN.steps where job_id = any (v_ids);
  delete from :OWN.logs where job_id = any (v_ids);
  delete from :OWN.cancellations where job_id = any (v_ids);
  delete from :OWN.dependencies where job_id = any (v_ids);
  delete from :OWN.history where job_id = any (v_ids);
  return cardinality(v_ids);
end;
$$;

comment on function :OWN.forget_jobs is
  'Removes finished jobs: history, attempts, steps, logs; failed ones from the queue too. Leaves unfinished ones alone. Returns how many.';

create function :OWN.forget_traces(
  ids bigint[], task_ids integer[], states text[], errors text[], attempts integer[]
) returns integer language plpgsql as $$
begin
  insert into :OWN.forgotten_jobs (job_id, task, state, error, attempts)
  select s.id, t.identifier, s.state, s.error, s.attempts
  from unnest(ids, task_ids, states, errors, forget_traces.attempts)
    as s(id, task_id, state, error, attempts)
  join :QUEUE._private_tasks t on t.id = s.task_id
  on conflict (job_id) do nothing;
  delete from :OWN.attempts a where a.job_id = any (ids);
  delete from :OWN.steps s where s.job_id = any (ids);
  delete from :OWN.logs l where l.job_id = any (ids);
  -- Of an earlier ending: failed, then retried by hand.
  delete from :OWN.history h where h.job_id = any (ids);
  return cardinality(ids);
end;
$$;

create function :OWN.prune(max_rows integer default 2000, out removed integer, out more boolean)
language plpgsql as $$
declare
  v_left integer := max_rows;
  v_looked integer;
  v_class record;
  v_cursor :OWN.prune_cursors;
  v_due timestamptz;
  v_upto timestamptz;
  v_ids bigint[];
begin
  if max_rows is null or max_rows < 1 then
    raise exception 'taskrun.prune: max_rows must be at least 1, got %', max_rows
      using errcode = '22023', hint = 'Call it again while `more` is true.';
  end if;
  removed := 0;
  more := false;
  -- One at a time over all processes; whoever comes second has nothing to do.
  if not pg_try_advisory_xact_lock(hashtext(:CONTROL), hashtext('prune')) then
    return;
  end if;
  delete from :OWN.once_results where key in (
    select r.key from :OWN.once_results r where r.keep_until < now() limit max_rows);
  get diagnostics v_looked = row_count;
  more := v_looked = max_rows;
  -- Lines of log come a little after the end of their job.
  with gone as (
    delete from :OWN.forgotten_jobs f where f.job_id in (
      select o.job_id from :OWN.forgotten_jobs o
      where o.forgotten_at < now() - interval '1 minute' order by o.forgotten_at limit max_rows)
    returning f.job_id
  )
  delete from :OWN.logs l using gone where l.job_id = gone.job_id;
  more := more or exists (
    select 1 from :OWN.forgotten_jobs o where o.forgotten_at < now() - interval '1 minute');
  for v_class in
    with defaults as (
      select state, :OWN.default_retention_ms(state) as retain_ms
      from unnest(array['completed', 'cancelled', 'failed']) as state
    ),
    others as (
      select d.state, t.name, d.retain_ms as default_ms, :OWN.retention_ms(d.state, t) as retain_ms
      from :OWN.tasks t cross join defaults d
      where :OWN.retention_ms(d.state, t) is distinct from d.retain_ms
    ),
    members as (
      select retain_ms, state as member from defaults
      union all
      select retain_ms, state || ' ' || name from others where retain_ms is not null
      union all
      -- Who leaves the default class or comes back to it.
      select default_ms, '-' || state || ' ' || name from others
    )
    select retain_ms, md5(string_agg(member, e'\n' order by member)) as members
    from members group by retain_ms order by retain_ms
  loop
    select * into v_cursor from :OWN.prune_cursors c where c.retain_ms = v_class.retain_ms;
    -- Once a day from the start, for records that were written long after their job's end.
    if v_cursor.retain_ms is null or v_cursor.members <> v_class.members
      or v_cursor.began_at < now() - interval '1 day'
    then
      insert into :OWN.prune_cursors (retain_ms, members)
      values (v_class.retain_ms, v_class.members)
      on conflict (retain_ms) do update set
        members = excluded.members, pruned_to = '-infinity', began_at = now()
      returning * into v_cursor;
    end if;
    -- Ten seconds at least, since a record comes a little after the end it tells of; and no
    -- further back than a timestamp goes.
    v_due := now()
      - greatest(10000, least(v_class.retain_ms, 3e12)) * interval '1 millisecond';
    continue when v_cursor.pruned_to >= v_due;
    if v_left <= 0 then
      more := true;
      exit;
    end if;
    select h.finished_at into v_upto from :OWN.history h
      where h.finished_at > v_cursor.pruned_to and h.finished_at <= v_due
      order by h.finished_at offset v_left - 1 limit 1;
    if v_upto is null then
      v_upto := v_due;
    else
      more := true;
    end if;
    select count(*), array_agg(h.job_id) filter (
        where :OWN.retention_ms(h.state, t) = v_class.retain_ms)
      into v_looked, v_ids
      from :OWN.history h left join :OWN.tasks t on t.name = h.task
      where h.finished_at > v_cursor.pruned_to and h.finished_at <= v_upto;
    if v_ids is not null then
      removed := removed + :OWN.forget_jobs(v_ids);
    end if;
    update :OWN.prune_cursors c set pruned_to = v_upto where c.retain_ms = v_class.retain_ms;
    v_left := v_left - v_looked;
  end loop;
end;
$$;

comment on function :OWN.prune is
  'Removes finished jobs that have been kept long enough, by the retention of their tasks; looks at no more than max_rows at a time. Call it again while more is true.';
