-- Limits by key, over all processes. :QUEUE is graphile-worker's schema, :OWN is ours.
--
--   limit_keys    the due and running jobs of limited tasks, each with the key its payload gives
--   limit_starts  when jobs of a key started, for as long as the task's rate looks back
--   limit_turns   when each key was last served, for taking turns
--   key_jobs      a process says which keys jobs have; only it can: the key is a function in code
--   take_limited  locks due jobs, in turns by key, as far as the limits allow
--   note_starts   a process says that jobs have started: only from then on their time counts
--
-- Whether a job runs is the queue's word alone: a job of limit_keys that was taken counts until
-- its row in the queue is unlocked or gone, however that came about. So nothing has to be told
-- when jobs end, and those of a crashed process count until they are rescued.
--
-- Everything about one task happens under one advisory lock, held within a statement.

create table :OWN.limit_keys (
  job_id bigint primary key,
  task text not null,
  -- Empty = not limited; else '=' and the key.
  key text not null,
  -- The id of its serial queue, else 0.
  lane integer not null,
  -- As they were when it was keyed: who differs is keyed again.
  priority smallint not null,
  run_at timestamptz not null,
  revision integer not null,
  taken boolean not null default false
);
create index limit_keys_waiting on :OWN.limit_keys (task, key, lane, priority, run_at, job_id)
  where not taken;
create index limit_keys_taken on :OWN.limit_keys (task, key) where taken;

create table :OWN.limit_starts (
  task text not null,
  key text not null,
  job_id bigint not null,
  attempt integer not null,
  process text not null,
  -- The job's: a job that went back unstarted still has it.
  run_at timestamptz not null,
  -- Null until its process says that it has started.
  started_at timestamptz
);
create index limit_starts_of_a_key on :OWN.limit_starts (task, key, started_at);

create table :OWN.limit_turns (
  task text not null,
  key text not null,
  served_at timestamptz not null,
  primary key (task, key)
);

create function :OWN.lock_limit(p_task text) returns void language sql as $$
  select pg_advisory_xact_lock(hashtext(:CONTROL || ' limits'), hashtext(p_task))
$$;

create function :OWN.key_jobs(p_task text, p_ids bigint[], p_revisions integer[], p_keys text[])
returns void language plpgsql as $$
begin
  perform :OWN.lock_limit(p_task);
  insert into :OWN.limit_keys as k (job_id, task, key, lane, priority, run_at, revision)
  select j.id, p_task, s.key, coalesce(j.job_queue_id, 0), j.priority, j.run_at, j.revision
  from unnest(p_ids, p_revisions, p_keys) as s(id, revision, key)
  join :QUEUE._private_jobs j on j.id = s.id and j.revision = s.revision
  where j.is_available = true
  on conflict (job_id) do update set task = excluded.task, key = excluded.key,
    lane = excluded.lane, priority = excluded.priority, run_at = excluded.run_at,
    revision = excluded.revision
  where not k.taken;
end;
$$;

comment on function :OWN.key_jobs is
  'For taskrun''s processes: says which keys waiting jobs of a limited task have.';

-- What has happened to jobs since they were taken.
create function :OWN.refresh_taken(p_task text, p_rate_ms double precision) returns void
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  delete from :OWN.limit_keys k where k.job_id in (
    select t.job_id from :OWN.limit_keys t
    left join :QUEUE._private_jobs j on j.id = t.job_id
    where t.task = p_task and t.taken and (j.id is null or (j.locked_at is null
      and (j.run_at > v_now or j.attempts >= j.max_attempts or j.revision <> t.revision))));
  update :OWN.limit_keys k set taken = false, priority = j.priority, run_at = j.run_at,
    lane = coalesce(j.job_queue_id, 0)
  from :QUEUE._private_jobs j
  where k.task = p_task and k.taken and j.id = k.job_id and j.locked_at is null;
  if p_rate_ms is null then
    return;
  end if;
  -- Gone back as it was taken, and nobody said that it had started: no start.
  delete from :OWN.limit_starts s using :QUEUE._private_jobs j
  where s.task = p_task and s.started_at is null and j.id = s.job_id
    and j.locked_at is null and j.attempts = s.attempt - 1 and j.run_at = s.run_at;
  -- Ended before the word of its start came: it started no later than now.
  update :OWN.limit_starts s set started_at = v_now
  where s.task = p_task and s.started_at is null and not exists (
    select 1 from :QUEUE._private_jobs j
    where j.id = s.job_id and j.locked_by = s.process and j.attempts = s.attempt);
  delete from :OWN.limit_starts s
  where s.task = p_task and s.started_at <= v_now - p_rate_ms * interval '1 millisecond';
end;
$$;

-- The keys that have jobs waiting, and how many more of each may start: one index step per key
-- and serial queue, however many jobs there are.
create function :OWN.free_slots(
  p_task text, p_max integer, p_concurrency integer, p_rate_max integer
) returns table (key text, lane integer, free integer, rate_used integer, oldest_start timestamptz)
language sql as $$
  with recursive lanes (key, lane) as (
    (select k.key, k.lane from :OWN.limit_keys k where k.task = p_task and not k.taken
      order by k.key, k.lane limit 1)
    union all
    select n.key, n.lane from lanes l cross join lateral (
      select k.key, k.lane from :OWN.limit_keys k
      where k.task = p_task and not k.taken and (k.key, k.lane) > (l.key, l.lane)
      order by k.key, k.lane limit 1) n
  ),
  keys as materialized (
    select u.key, s.used, s.oldest,
      case when u.key = '' then p_max else least(p_max,
        p_concurrency - (select count(*)::integer from :OWN.limit_keys k
          where k.task = p_task and k.taken and k.key = u.key),
        p_rate_max - s.used) end as free
    from (select distinct l.key from lanes l) u
    cross join lateral (
      select count(*)::integer as used, min(t.started_at) as oldest from :OWN.limit_starts t
      where p_rate_max is not null and t.task = p_task and t.key = u.key) s
  )
  select l.key, l.lane, k.free, k.used, k.oldest from lanes l join keys k on k.key = l.key
$$;

-- Takes one job that was chosen. False: what limit_keys says of it is not so any more, and has
-- been mended. Null: somebody else has his hands on it or on its serial queue just now.
create function :OWN.take_chosen(
  p_process text, p_chosen :OWN.limit_keys, p_task_ids integer[], p_rated boolean
) returns boolean language plpgsql as $$
declare
  v_job :QUEUE._private_jobs;
begin
  if p_chosen.lane > 0 then
    perform from :QUEUE._private_job_queues q
      where q.id = p_chosen.lane and q.is_available = true for update skip locked;
    if not found then
      return null;
    end if;
  end if;
  select * into v_job from :QUEUE._private_jobs j where j.id = p_chosen.job_id
    for update skip locked;
  if not found then
    if exists (select 1 from :QUEUE._private_jobs j where j.id = p_chosen.job_id) then
      return null;
    end if;
    delete from :OWN.limit_keys k where k.job_id = p_chosen.job_id;
    return false;
  end if;
  if v_job.locked_at is not null then
    -- Taken without asking here, by a plain graphile-worker process: it counts all the same.
    update :OWN.limit_keys k set taken = true where k.job_id = v_job.id;
    return false;
  end if;
  if v_job.attempts >= v_job.max_attempts or v_job.run_at > clock_timestamp()
    or v_job.revision <> p_chosen.revision or v_job.task_id <> all (p_task_ids)
    or coalesce(v_job.job_queue_id, 0) <> p_chosen.lane
  then
    -- When it is due it gets its key again.
    delete from :OWN.limit_keys k where k.job_id = v_job.id;
    return false;
  end if;
  update :QUEUE._private_jobs j set attempts = j.attempts + 1, locked_by = p_process,
    locked_at = now() where j.id = v_job.id;
  if p_chosen.lane > 0 then
    update :QUEUE._private_job_queues q set locked_by = p_process, locked_at = now()
    where q.id = p_chosen.lane;
  end if;
  update :OWN.limit_keys k set taken = true where k.job_id = v_job.id;
  insert into :OWN.limit_turns (task, key, served_at)
  values (p_chosen.task, p_chosen.key, clock_timestamp())
  on conflict on constraint limit_turns_pkey do update set served_at = excluded.served_at;
  if p_rated and p_chosen.key <> '' then
    insert into :OWN.limit_starts (task, key, job_id, attempt, process, run_at)
    values (p_chosen.task, p_chosen.key, v_job.id, v_job.attempts + 1, p_process, v_job.run_at);
  end if;
  return true;
end;
$$;

create function :OWN.take_limited(
  p_process text, p_task text, p_task_ids integer[], p_max integer,
  p_concurrency integer, p_rate_max integer, p_rate_ms double precision,
  out ids bigint[], out wait_ms double precision, out others_wait boolean
) language plpgsql as $$
declare
  v_chosen :OWN.limit_keys;
  v_taken boolean;
  v_again boolean;
  v_skipped bigint[] := '{}';
begin
  ids := '{}';
  perform :OWN.lock_limit(p_task);
  perform :OWN.refresh_taken(p_task, p_rate_ms);
  for try in 1 .. 100 loop
    v_again := false;
    for v_chosen in
      with slots as materialized (
        select * from :OWN.free_slots(p_task, p_max, p_concurrency, p_rate_max)
      ),
      candidates as (
        select h.*, s.free from slots s
        left join :QUEUE._private_job_queues q on q.id = s.lane
        cross join lateral (
          select k.* from :OWN.limit_keys k
          where k.task = p_task and not k.taken and k.key = s.key and k.lane = s.lane
            and k.job_id <> all (v_skipped)
          order by k.priority, k.run_at, k.job_id
          limit case when s.lane > 0 then 1 else s.free end
        ) h
        where s.free > 0 and (s.lane = 0 or (q.is_available = true and not exists (
          select 1 from :OWN.pauses p where p.kind = 'queue' and p.name = q.queue_name)))
      ),
      ranked as (
        select c.*, row_number() over (
            partition by c.key order by c.priority, c.run_at, c.job_id) as nth,
          -- Jobs of the same priority: one of each key, then a second one of each, and so on.
          row_number() over (
            partition by c.key, c.priority order by c.run_at, c.job_id) as round
        from candidates c
      )
      select r.job_id, r.task, r.key, r.lane, r.priority, r.run_at, r.revision, r.taken
      from ranked r left join :OWN.limit_turns t on t.task = p_task and t.key = r.key
      where r.nth <= r.free
      order by r.priority, r.round, t.served_at nulls first, r.run_at, r.job_id
      limit p_max - cardinality(ids)
    loop
      v_taken := :OWN.take_chosen(p_process, v_chosen, p_task_ids, p_rate_max is not null);
      if v_taken then
        ids := ids || v_chosen.job_id;
      else
        v_again := true;
        if v_taken is null then
          v_skipped := v_skipped || v_chosen.job_id;
        end if;
      end if;
    end loop;
    exit when not v_again or cardinality(ids) >= p_max;
  end loop;
  if p_rate_max is not null then
    select min(extract(epoch from coalesce(s.oldest_start, clock_timestamp()) - clock_timestamp()))
        * 1000 + p_rate_ms into wait_ms
      from :OWN.free_slots(p_task, 1, null, p_rate_max) s
      where s.key <> '' and s.rate_used >= p_rate_max;
  end if;
  others_wait := exists (
    select 1 from :OWN.limit_keys k where k.task = p_task and not k.taken);
end;
$$;

comment on function :OWN.take_limited is
  'For taskrun''s processes: locks due jobs of a limited task, in turns by key, and says in how many milliseconds a key is free again by its rate.';

create function :OWN.note_starts(p_process text, p_task text, p_ids bigint[]) returns void
language plpgsql as $$
begin
  perform :OWN.lock_limit(p_task);
  update :OWN.limit_starts s set started_at = clock_timestamp()
  where s.task = p_task and s.job_id = any (p_ids) and s.process = p_process
    and s.started_at is null;
end;
$$;

comment on function :OWN.note_starts is
  'For taskrun''s processes: the jobs have started, no later than now.';

-- What tasks that nobody runs any more, or that have no limit any more, leave behind.
create function :OWN.sweep_limits() returns void language plpgsql as $$
begin
  delete from :OWN.limit_keys k
  where not exists (select 1 from :QUEUE._private_jobs j where j.id = k.job_id);
  delete from :OWN.limit_turns t
  where t.served_at < now() - interval '10 minutes' and not exists (
    select 1 from :OWN.limit_keys k where k.task = t.task and k.key = t.key);
  delete from :OWN.limit_starts s where s.started_at < now() - interval '1 year';
end;
$$;

comment on function :OWN.sweep_limits is
  'Removes keys, turns and starts of limited tasks that no job needs any more.';
