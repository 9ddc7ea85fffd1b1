-- Many jobs in one call. :QUEUE is graphile-worker's schema, :OWN is ours.
--
-- Each job is an object { "task": …, "payload": …, "options": … } with what add_job takes. Plain
-- jobs go to the queue's own add_jobs together; all others go through add_job one by one, so that
-- its rules and its errors hold for every job, also for options that it has yet to learn.

-- Whether the queue's add_jobs can take the job, every option being what it is expected to be.
create function :OWN.is_plain_job(job jsonb) returns boolean language sql immutable as $$
  select coalesce(jsonb_typeof(job -> 'options'), 'object') = 'object' and not exists (
    select from jsonb_each(case jsonb_typeof(job -> 'options')
      when 'object' then job -> 'options' else '{}' end) as option
    where not case option.key
      when 'run_at' then jsonb_typeof(option.value) = 'string' and not job -> 'options' ? 'delay'
      when 'delay' then jsonb_typeof(option.value) = 'number'
      when 'priority' then option.value::text ~ '^-?[0-9]{1,4}$'
      when 'max_attempts' then option.value::text ~ '^[1-9][0-9]{0,3}$'
      when 'key_mode' then option.value in ('"replace"', '"preserve_run_at"')
      when 'queue' then jsonb_typeof(option.value) = 'string'
      when 'key' then jsonb_typeof(option.value) = 'string'
      else option.key in ('correlation_id', 'created_by', 'parent_id', 'metadata')
    end
  );
$$;

create function :OWN.add_jobs(jobs jsonb) returns setof bigint language plpgsql as $$
declare
  v_ids bigint[];
  v_places bigint[];
  v_specs :QUEUE.job_spec[];
  v_added :QUEUE._private_jobs[];
  v_mode text;
  v_place bigint;
  v_id bigint;
  v_job jsonb;
begin
  if jsonb_typeof(jobs) is distinct from 'array' then
    raise exception 'taskrun.add_jobs: jobs must be a JSON array, got %',
      coalesce(jsonb_typeof(jobs), 'null') using errcode = '22023';
  end if;
  select min(place) into v_place from jsonb_array_elements(jobs) with ordinality as e (job, place)
    where jsonb_typeof(job -> 'task') is distinct from 'string';
  if v_place is not null then
    raise exception 'taskrun.add_jobs: job % of the list has no task', v_place
      using errcode = '22023', hint = 'Each job is {"task": "name", "payload": {}, "options": {}}.';
  end if;
  v_ids := array_fill(null::bigint, array[jsonb_array_length(jobs)]);

  foreach v_mode in array array['replace', 'preserve_run_at'] loop
    select array_agg(place order by place), array_agg(row(
        job ->> 'task',
        coalesce(job -> 'payload', '{}')::json,
        options ->> 'queue',
        coalesce((options ->> 'run_at')::timestamptz,
          now() + (options ->> 'delay')::float8 * interval '1 millisecond', now()),
        coalesce((options ->> 'max_attempts')::smallint, 25),
        options ->> 'key',
        coalesce((options ->> 'priority')::smallint, 0),
        null
      ):::QUEUE.job_spec order by place)
    into v_places, v_specs
    from (
      select place, job, job -> 'options' as options,
        count(*) over (partition by job #>> '{options,key}') as same_key
      from jsonb_array_elements(jobs) with ordinality as e (job, place)
    ) as given
    where :OWN.is_plain_job(job) and coalesce(options ->> 'key_mode', 'replace') = v_mode
      and (options ->> 'key' is null or same_key = 1);
    continue when v_specs is null;
    select array_agg(added) into v_added
      from :QUEUE.add_jobs(v_specs, v_mode = 'preserve_run_at') as added;

    -- The queue doesn't say which row is which job. A key is one job's; jobs without a key that
    -- are alike in everything the queue knows may stand for each other.
    for v_place, v_id in
      select v_places[given.n], added.id
      from (
        select n, what, row_number() over (partition by what order by n) as turn
        from (
          select n, case when job_key is not null then 'key ' || job_key else md5(row(identifier,
            payload::text, queue_name, run_at, max_attempts, priority)::text) end as what
          from unnest(v_specs) with ordinality as spec (identifier, payload, queue_name, run_at,
            max_attempts, job_key, priority, flags, n)
        ) as spec
      ) as given
      join (
        select id, what, row_number() over (partition by what order by id) as turn
        from (
          select j.id, case when j.key is not null then 'key ' || j.key else md5(row(t.identifier,
            j.payload::text, q.queue_name, j.run_at, j.max_attempts, j.priority)::text) end as what
          from unnest(v_added) as j
          join :QUEUE._private_tasks t on t.id = j.task_id
          left join :QUEUE._private_job_queues q on q.id = j.job_queue_id
        ) as job
      ) as added on added.what = given.what and added.turn = given.turn
    loop
      v_ids[v_place] := v_id;
    end loop;
  end loop;

  insert into :OWN.job_details (job_id, correlation_id, created_by, parent_id, metadata)
  select id, options ->> 'correlation_id', options ->> 'created_by',
    (options ->> 'parent_id')::bigint, nullif(options -> 'metadata', 'null')
  from (
    select place, job -> 'options' as options
    from jsonb_array_elements(jobs) with ordinality as e (job, place)
  ) as given
  join unnest(v_ids) with ordinality as done (id, place) using (place)
  where id is not null
    and options ?| array['correlation_id', 'created_by', 'parent_id', 'metadata']
  on conflict (job_id) do update set
    correlation_id = excluded.correlation_id, created_by = excluded.created_by,
    parent_id = excluded.parent_id, metadata = excluded.metadata, progress = null;

  for v_place, v_job in
    select place, job from jsonb_array_elements(jobs) with ordinality as e (job, place)
    join unnest(v_ids) with ordinality as done (id, place) using (place)
    where id is null order by place
  loop
    v_ids[v_place] := :OWN.add_job(v_job ->> 'task', v_job -> 'payload',
      nullif(v_job -> 'options', 'null'));
  end loop;
  return query select id from unnest(v_ids) with ordinality as done (id, place) order by place;
end;
$$;

comment on function :OWN.add_jobs is
  'Adds jobs, all or none, and returns their ids in the order given: [{"task", "payload", "options"}]; options as in add_job.';
