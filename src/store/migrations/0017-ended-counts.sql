-- How many jobs of each task ended when and how, and how long they waited and ran: counted once,
-- in the background, so that nobody reads the history to say it. :OWN is our schema.
--
--   ended_counts   by span: 'minute' and 'hour' of all tasks, 'task part' (ten minutes) and
--                  'task hour' of each: finer ones would be as many as the jobs
--   ended_counted  up to when the history has been counted; what ended later is read from it
--   count_ended    counts the next bounded piece
--   recount_ended  counts minutes anew whose records came late
--
-- Readers add up whole spans and the records at both ends (store/queue/ended-counts). Counts
-- outlive the records: they tell what has been.

create table :OWN.ended_counts (
  span text collate "C" not null check (span in ('minute', 'hour', 'task part', 'task hour')),
  at timestamptz not null,
  -- Empty for all tasks.
  task text collate "C" not null,
  -- A state, or 'wait' and 'run' with a bucket of milliseconds; see duration_bucket.
  kind text collate "C" not null
    check (kind in ('completed', 'failed', 'cancelled', 'wait', 'run')),
  bucket smallint not null default 0,
  count bigint not null,
  primary key (span, at, task, kind, bucket)
);

create table :OWN.ended_counted (
  singleton boolean primary key default true check (singleton),
  -- Everything that ended until then; a record that comes later is found by recount_ended.
  until timestamptz not null,
  recounted_at timestamptz not null default '-infinity'
);

-- Each a tenth wider than the one before: what is said of a duration is right to 5 %.
create function :OWN.duration_bucket(ms double precision) returns smallint
language sql immutable parallel safe as $$
  select case when ms is null then null when ms < 1 then 0
    else least(floor(ln(ms) / 0.0953101798043249) + 1, 400) end::smallint
$$;

create function :OWN.part_of_hour(at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
  select to_timestamp(floor(extract(epoch from at) / 600)::double precision * 600)
$$;

-- Of the records that ended after v_from and not after v_to.
create function :OWN.add_ended_counts(v_from timestamptz, v_to timestamptz) returns bigint
language sql as $$
  with one as materialized (
    select h.task, date_trunc('minute', h.finished_at, 'UTC') as minute, said.kind, said.bucket,
      count(*) as count
    from :OWN.history h
    cross join lateral (values
      (h.state, 0::smallint),
      ('wait', :OWN.duration_bucket(
        extract(epoch from h.started_at - h.run_at)::double precision * 1000)),
      ('run', :OWN.duration_bucket(
        extract(epoch from h.finished_at - h.started_at)::double precision * 1000))
    ) as said (kind, bucket)
    where h.finished_at > v_from and h.finished_at <= v_to and said.bucket is not null
    group by 1, 2, 3, 4
  ),
  added as (
    insert into :OWN.ended_counts as c (span, at, task, kind, bucket, count)
    select s.span, s.at, s.task, one.kind, one.bucket, sum(one.count)
    from one cross join lateral (values
      ('minute', one.minute, ''),
      ('task part', :OWN.part_of_hour(one.minute), one.task),
      ('hour', date_trunc('hour', one.minute, 'UTC'), ''),
      ('task hour', date_trunc('hour', one.minute, 'UTC'), one.task)
    ) as s (span, at, task)
    group by 1, 2, 3, 4, 5
    on conflict (span, at, task, kind, bucket) do update set count = c.count + excluded.count
  )
  select coalesce(sum(count) filter (where kind not in ('wait', 'run')), 0)::bigint from one
$$;

create function :OWN.count_ended(max_rows integer default 50000, out counted bigint,
  out more boolean)
language plpgsql as $$
declare
  -- A record comes a moment after the end that it tells of.
  v_due constant timestamptz := now() - interval '2 seconds';
  v_from timestamptz;
  v_to timestamptz;
begin
  counted := 0;
  more := false;
  -- One at a time over all processes; whoever comes second has nothing to do.
  if not pg_try_advisory_xact_lock(hashtext(:CONTROL), hashtext('count_ended')) then
    return;
  end if;
  select c.until into v_from from :OWN.ended_counted c;
  if v_from is null then
    select min(h.finished_at) - interval '1 microsecond' into v_from from :OWN.history h;
    v_from := least(coalesce(v_from, v_due), v_due);
    insert into :OWN.ended_counted (until) values (v_from);
  end if;
  if v_from >= v_due then return; end if;
  select h.finished_at into v_to from :OWN.history h
    where h.finished_at > v_from and h.finished_at <= v_due
    order by h.finished_at offset max_rows - 1 limit 1;
  more := v_to is not null;
  v_to := coalesce(v_to, v_due);
  counted := :OWN.add_ended_counts(v_from, v_to);
  update :OWN.ended_counted c set until = v_to;
end;
$$;

comment on function :OWN.count_ended is
  'For taskrun''s processes: counts finished jobs for statistics, no more than about max_rows at a time. Call it again while more is true.';

-- Counts those parts of hours since then anew that have more records than were counted. Returns
-- how many.
create function :OWN.recount_ended(since timestamptz) returns integer language plpgsql as $$
declare
  v_until timestamptz;
  v_part timestamptz;
  v_recounted integer := 0;
begin
  if not pg_try_advisory_xact_lock(hashtext(:CONTROL), hashtext('count_ended')) then
    return 0;
  end if;
  select c.until into v_until from :OWN.ended_counted c;
  for v_part in
    with recorded as (
      select date_trunc('minute', h.finished_at, 'UTC') as minute, count(*) as count
      from :OWN.history h
      where h.finished_at >= :OWN.part_of_hour(recount_ended.since) and h.finished_at <= v_until
      group by 1
    )
    select distinct :OWN.part_of_hour(r.minute) from recorded r
    where r.count > (select coalesce(sum(c.count), 0) from :OWN.ended_counts c
      where c.span = 'minute' and c.at = r.minute
        and c.kind in ('completed', 'failed', 'cancelled'))
  loop
    v_recounted := v_recounted + 1;
    -- The hours lose what the part had, before it is counted into all of them again.
    update :OWN.ended_counts h set count = h.count - p.count
      from (
        select case c.span when 'minute' then 'hour' else 'task hour' end as span, c.task, c.kind,
          c.bucket, sum(c.count) as count
        from :OWN.ended_counts c
        where c.span in ('minute', 'task part') and c.at >= v_part
          and c.at < v_part + interval '10 minutes'
        group by 1, 2, 3, 4
      ) as p
      where h.span = p.span and h.at = date_trunc('hour', v_part, 'UTC')
        and h.task = p.task and h.kind = p.kind and h.bucket = p.bucket;
    delete from :OWN.ended_counts c
      where c.span in ('minute', 'task part') and c.at >= v_part
        and c.at < v_part + interval '10 minutes';
    perform :OWN.add_ended_counts(v_part - interval '1 microsecond',
      least(v_part + interval '10 minutes' - interval '1 microsecond', v_until));
  end loop;
  return v_recounted;
end;
$$;

-- A record that goes since its job is queued again: that job has not ended any more.
create function :OWN.uncount_ended(past :OWN.history) returns void language sql as $$
  update :OWN.ended_counts c set count = c.count - 1
  where exists (select from :OWN.ended_counted e where e.until >= past.finished_at)
    and c.kind = past.state and c.bucket = 0
    and (c.span, c.at, c.task) in (
      ('minute', date_trunc('minute', past.finished_at, 'UTC'), ''),
      ('task part', :OWN.part_of_hour(past.finished_at), past.task),
      ('hour', date_trunc('hour', past.finished_at, 'UTC'), ''),
      ('task hour', date_trunc('hour', past.finished_at, 'UTC'), past.task))
$$;

-- As in 0016, and takes the record out of the counts.
create or replace function :OWN.try_retry(id bigint) returns text language plpgsql as $$
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
      if v_past.masked then
        return 'secrets gone';
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
  delete from :OWN.history h where h.job_id = v_id returning h.* into v_past;
  if found then
    perform :OWN.uncount_ended(v_past);
  end if;
  delete from :OWN.cancellations c where c.job_id = v_id;
  perform :OWN.notify_due();
  return 'due';
end;
$$;
