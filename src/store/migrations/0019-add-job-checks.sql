-- What add_job and add_jobs take is held to what the client takes, and said in the same words.
-- :OWN is our schema, :QUEUE graphile-worker's.
--
--   check_task     the task's name: 1 to 128 characters
--   check_size     the payload: 10,000,000 characters of JSON
--   option_text    text, or a number as text
--
-- The rest are functions of before. run_at is a moment before the year 10000, and never infinity,
-- by which the queue's row says that a job waits for others. A refusal in add_jobs says which job
-- of the list it is about.

-- `place` is that in the list; null for a job alone.
create function :OWN.refuse_job(place bigint, what text, hint text) returns void
language plpgsql as $$
begin
  raise exception 'taskrun.%: %',
    case when place is null then 'add_job' else format('add_jobs: job %s of the list', place) end,
    what using errcode = '22023', hint = refuse_job.hint;
end;
$$;

create function :OWN.check_task(task text, place bigint default null) returns void
language plpgsql as $$
begin
  if length(task) between 1 and 128 then return; end if;
  perform :OWN.refuse_job(place, 'the task''s name ' || case
      when task is null then 'is null' when task = '' then 'is empty'
      else format('has %s characters: %s', length(task),
        quote_literal(:OWN.short_text(task))) end,
    'Give a name of 1 to 128 characters.');
end;
$$;

-- As the client counts: without the spaces that jsonb is written with. These make no more than
-- half as much again.
create function :OWN.check_size(task text, payload jsonb, place bigint default null) returns void
language plpgsql as $$
declare
  longest constant integer := 10000000;
  v_length bigint := coalesce(length(payload::text), 0);
begin
  if v_length <= longest then return; end if;
  if v_length <= longest * 1.5 then
    v_length := length(json_strip_nulls(payload::json)::text);
    if v_length <= longest then return; end if;
  end if;
  perform :OWN.refuse_job(place,
    format('the payload for %s has %s characters of JSON, more than %s', task, v_length, longest),
    'Put it into a table or a file, and its place into the payload.');
end;
$$;

create or replace function :OWN.check_options(options jsonb) returns void language plpgsql as $$
declare
  known constant text[] := array['run_at', 'delay', 'priority', 'queue', 'key', 'key_mode',
    'max_attempts', 'retry', 'retry_strategy', 'timeout', 'after', 'on_parent_failure', 'flags',
    'correlation_id', 'created_by', 'parent_id', 'metadata', 'validate'];
  v_unknown text[];
begin
  if jsonb_typeof(options) <> 'object' then
    raise exception 'taskrun.add_job: options must be a JSON object, got %',
      jsonb_typeof(options) using errcode = '22023', hint = 'Such as {"delay": "5m", "key": "k"}.';
  end if;
  v_unknown := array(select name from jsonb_object_keys(options) as name
    where name <> all (known));
  if v_unknown <> '{}' then
    raise exception 'taskrun.add_job: unknown option %', :OWN.short_names(v_unknown)
      using errcode = '22023', hint = 'Known options: ' || array_to_string(known, ', ') || '.';
  end if;
end;
$$;

create or replace function :OWN.option_run_at(options jsonb)
returns timestamptz language plpgsql as $$
declare
  v_at jsonb := nullif(options -> 'run_at', 'null');
  v_delay jsonb := nullif(options -> 'delay', 'null');
  v_interval interval;
  v_moment timestamptz;
begin
  if v_at is null and v_delay is null then return null; end if;
  if v_at is not null and v_delay is not null then
    raise exception 'taskrun.add_job: give run_at or delay, not both' using errcode = '22023',
      hint = 'A delay is counted from now.';
  end if;
  begin
    v_interval := :OWN.as_interval(v_delay);
    v_moment := case when v_delay is not null then now() + v_interval
      when jsonb_typeof(v_at) = 'string' then (v_at #>> '{}')::timestamptz end;
  exception when data_exception then
    v_moment := null;
  end;
  if v_delay is not null and (v_moment is null or v_moment >= '10000-01-01 00:00+00'
    or v_interval < interval '0') then
    perform :OWN.refuse_option('delay', v_delay, 'a duration like "90 seconds" or "5m", or a '
      'number of milliseconds, that ends before the year 10000');
  end if;
  if v_moment is null or v_moment >= '10000-01-01 00:00+00' or v_moment < '0001-01-01 00:00+00' then
    perform :OWN.refuse_option('run_at', v_at,
      'a moment like "2030-01-31T08:00:00Z", before the year 10000');
  end if;
  return v_moment;
end;
$$;

create function :OWN.option_text(options jsonb, name text, longest integer)
returns text language plpgsql as $$
declare
  v_value jsonb := nullif(options -> name, 'null');
begin
  if jsonb_typeof(v_value) not in ('string', 'number')
    or length(v_value #>> '{}') not between 1 and longest then
    perform :OWN.refuse_option(name, v_value, format('text of 1 to %s characters', longest));
  end if;
  return v_value #>> '{}';
end;
$$;

create or replace function :OWN.write_details(job_id bigint, options jsonb)
returns void language plpgsql as $$
begin
  if jsonb_typeof(options -> 'metadata') not in ('object', 'null') then
    perform :OWN.refuse_option('metadata', options -> 'metadata', 'an object');
  end if;
  if options ->> 'parent_id' !~ '^[0-9]{1,18}$' then
    perform :OWN.refuse_option('parent_id', options -> 'parent_id', 'the id of a job');
  end if;
  insert into :OWN.job_details as d
    (job_id, correlation_id, created_by, parent_id, metadata, retry, timeout_ms)
  values (write_details.job_id, :OWN.option_text(options, 'correlation_id', 10000),
    :OWN.option_text(options, 'created_by', 10000),
    (options ->> 'parent_id')::bigint, nullif(options -> 'metadata', 'null'),
    coalesce(nullif(options -> 'retry_strategy', 'null'), nullif(options -> 'retry', 'null')),
    :OWN.option_timeout_ms(options))
  on conflict on constraint job_details_pkey do update set
    correlation_id = excluded.correlation_id, created_by = excluded.created_by,
    parent_id = excluded.parent_id, metadata = excluded.metadata, progress = null,
    retry = excluded.retry, timeout_ms = excluded.timeout_ms;
end;
$$;

-- Also of options that the queue's add_jobs or write_details could refuse in words of their own:
-- these go the way of the others, which says what is wrong.
create or replace function :OWN.is_plain_job(job jsonb) returns boolean language sql immutable as $$
  select coalesce(jsonb_typeof(job -> 'options'), 'object') = 'object' and not exists (
    select from jsonb_each(case jsonb_typeof(job -> 'options')
      when 'object' then job -> 'options' else '{}' end) as option
    where not case option.key
      -- As JSON writes a moment. The last days of a month are looked at by the calendar.
      when 'run_at' then not job -> 'options' ? 'delay' and option.value::text ~ ('^"'
        '[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])'
        'T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d{1,6})?Z"$')
      when 'delay' then option.value::text ~ '^\d{1,12}(\.\d+)?$'
      when 'priority' then option.value::text ~ '^-?[0-9]{1,4}$'
      when 'max_attempts' then option.value::text ~ '^[1-9][0-9]{0,3}$'
      when 'key_mode' then option.value in ('"replace"', '"preserve_run_at"')
      when 'queue' then jsonb_typeof(option.value) = 'string'
        and length(option.value #>> '{}') between 1 and 128
      when 'key' then jsonb_typeof(option.value) = 'string'
        and length(option.value #>> '{}') between 1 and 512
      when 'timeout' then option.value = 'false' or option.value::text ~ '^[1-9][0-9]{0,11}$'
      when 'metadata' then jsonb_typeof(option.value) in ('object', 'null')
      when 'parent_id' then option.value #>> '{}' ~ '^[0-9]{1,18}$'
      when 'validate' then jsonb_typeof(option.value) = 'boolean'
      when 'correlation_id' then jsonb_typeof(option.value) = 'string'
        and length(option.value #>> '{}') between 1 and 10000
      when 'created_by' then jsonb_typeof(option.value) = 'string'
        and length(option.value #>> '{}') between 1 and 10000
      else false
    end
  );
$$;

create or replace function :OWN.add_job(task text, payload jsonb default '{}',
  options jsonb default '{}')
returns bigint language plpgsql as $$
declare
  v_options jsonb := coalesce(options, '{}');
  v_after bigint[];
  v_on_parent_failure text;
  v_mode text;
  v_job :QUEUE._private_jobs;
begin
  perform :OWN.check_task(add_job.task);
  perform :OWN.check_size(add_job.task, add_job.payload);
  perform :OWN.check_options(v_options);
  perform :OWN.option_retry(v_options);
  v_after := :OWN.option_after(v_options);
  v_on_parent_failure := :OWN.option_on_parent_failure(v_options);
  v_mode := :OWN.option_key_mode(v_options);
  if :OWN.option_validate(v_options) then
    perform :OWN.check_payload(add_job.task, coalesce(add_job.payload, '{}'));
  end if;
  -- A keyed add can come back empty when it met a job being locked at that moment: the
  -- locked job has let go of its key by then, so once more is enough.
  for try in 1 .. 2 loop
    select * into v_job from :QUEUE.add_job(
      identifier => add_job.task,
      payload => coalesce(add_job.payload, '{}')::json,
      queue_name => :OWN.option_name(v_options, 'queue', 128),
      run_at => :OWN.option_run_at(v_options),
      max_attempts => :OWN.option_max_attempts(v_options),
      job_key => :OWN.option_name(v_options, 'key', 512),
      priority => :OWN.option_priority(v_options),
      flags => :OWN.option_flags(v_options),
      job_key_mode => v_mode
    );
    exit when v_job.id is not null;
  end loop;
  if v_job.id is null then
    raise exception 'taskrun.add_job: the job with key % changed while it was being replaced',
      quote_literal(:OWN.short_text(v_options ->> 'key'))
      using errcode = '40001', hint = 'Try again.';
  end if;
  if v_job.revision > 0 then
    -- The job that was met stays as it is.
    if v_mode = 'unsafe_dedupe' then return v_job.id; end if;
    perform :OWN.forget_replaced(v_job.id,
      v_mode = 'preserve_run_at' and v_job.run_at = 'infinity');
  end if;
  if :OWN.has_details(v_options) then
    perform :OWN.write_details(v_job.id, v_options);
  end if;
  if v_after is not null then
    perform :OWN.block_job(v_job.id, v_after, v_on_parent_failure);
  end if;
  return v_job.id;
end;
$$;

create or replace function :OWN.add_jobs(jobs jsonb) returns setof bigint language plpgsql as $$
declare
  v_ids bigint[];
  v_plain boolean[];
  v_places bigint[];
  v_specs :QUEUE.job_spec[];
  v_added :QUEUE._private_jobs[];
  v_mode text;
  v_place bigint;
  v_id bigint;
  v_job jsonb;
  v_message text;
  v_hint text;
  v_detail text;
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
  perform :OWN.check_task(job ->> 'task', place)
    from jsonb_array_elements(jobs) with ordinality as e (job, place)
    where length(job ->> 'task') not between 1 and 128 order by place;
  perform :OWN.check_size(job ->> 'task', job -> 'payload', place)
    from jsonb_array_elements(jobs) with ordinality as e (job, place)
    where length((job -> 'payload')::text) > 10000000 order by place;
  v_ids := array_fill(null::bigint, array[jsonb_array_length(jobs)]);
  perform :OWN.check_payload(job ->> 'task', coalesce(job -> 'payload', '{}'), place)
    from jsonb_array_elements(jobs) with ordinality as e (job, place)
    join :OWN.tasks t on t.name = job ->> 'task' and t.payload_schema is not null
    where job #> '{options,validate}' is distinct from 'false' order by place;

  v_plain := array(select :OWN.is_plain_job(job)
    from jsonb_array_elements(jobs) with ordinality as e (job, place) order by place);
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
    where v_plain[place] and coalesce(options ->> 'key_mode', 'replace') = v_mode
      and (options ->> 'key' is null or same_key = 1);
    continue when v_specs is null;
    select array_agg(added) into v_added
      from :QUEUE.add_jobs(v_specs, v_mode = 'preserve_run_at') as added;
    perform :OWN.forget_replaced(id, v_mode = 'preserve_run_at' and run_at = 'infinity')
      from unnest(v_added) where revision > 0;

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

  perform :OWN.write_details(id, options)
  from (
    select place, job -> 'options' as options
    from jsonb_array_elements(jobs) with ordinality as e (job, place)
  ) as given
  join unnest(v_ids) with ordinality as done (id, place) using (place)
  where id is not null and :OWN.has_details(options);

  if array_position(v_ids, null) is not null then
    begin
      for v_place, v_job in
        select place, job from jsonb_array_elements(jobs) with ordinality as e (job, place)
        join unnest(v_ids) with ordinality as done (id, place) using (place)
        where id is null order by place
      loop
        v_ids[v_place] := :OWN.add_job(v_job ->> 'task', v_job -> 'payload',
          nullif(v_job -> 'options', 'null'));
      end loop;
    exception when invalid_parameter_value or check_violation then
      get stacked diagnostics v_message = message_text, v_hint = pg_exception_hint,
        v_detail = pg_exception_detail;
      raise exception '%', regexp_replace(v_message, '^taskrun\.add_job: ',
          format('taskrun.add_jobs: job %s of the list: ', v_place))
        using errcode = sqlstate, hint = v_hint, detail = v_detail;
    end;
  end if;
  return query select id from unnest(v_ids) with ordinality as done (id, place) order by place;
end;
$$;
