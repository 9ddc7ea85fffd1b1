-- Adding jobs, with everything a job may say of itself. :QUEUE is graphile-worker's schema, :OWN
-- is ours.
--
-- One function per option reads it from the options, and raises an error that says what it got
-- and what it takes; null is the same as leaving the option out. add_job puts them together:
--
--   check_payload         holds the payload against the task's schema (0006)
--   the queue's add_job   makes or replaces the row
--   forget_replaced       of a replaced job: what had been said of it and what it had come to
--   write_details         what the queue's row has no column for
--   block_job             makes it wait for the jobs in `after` (0010)

create function :OWN.refuse_option(name text, value jsonb, expected text)
returns void language plpgsql as $$
begin
  raise exception 'taskrun.add_job: % is %, expected %', name,
    case when length(value::text) > 100 then left(value::text, 97) || '...' else value::text end,
    expected using errcode = '22023', hint = 'Correct the option ' || quote_literal(name) || '.';
end;
$$;

create function :OWN.is_whole_number(value jsonb, min numeric, max numeric)
returns boolean language sql immutable as $$
  select case when jsonb_typeof(value) = 'number'
    then value::numeric between min and max and trunc(value::numeric) = value::numeric
    else false end;
$$;

-- Null for what is no duration. A bare number is milliseconds, as everywhere in taskrun.
create function :OWN.as_interval(value jsonb) returns interval language plpgsql stable as $$
begin
  case jsonb_typeof(value)
    when 'number' then return (value #>> '{}')::float8 * interval '1 millisecond';
    when 'string' then return (value #>> '{}')::interval;
    else return null;
  end case;
exception when data_exception then
  return null;
end;
$$;

create function :OWN.option_run_at(options jsonb) returns timestamptz language plpgsql as $$
declare
  v_at jsonb := nullif(options -> 'run_at', 'null');
  v_delay jsonb := nullif(options -> 'delay', 'null');
  v_interval interval;
begin
  if v_delay is not null then
    if v_at is not null then
      raise exception 'taskrun.add_job: give run_at or delay, not both' using errcode = '22023';
    end if;
    v_interval := :OWN.as_interval(v_delay);
    if v_interval is null then
      perform :OWN.refuse_option('delay', v_delay,
        'a duration like "90 seconds" or "5m", or a number of milliseconds');
    end if;
    return now() + v_interval;
  end if;
  return (v_at #>> '{}')::timestamptz;
exception when invalid_datetime_format or datetime_field_overflow then
  perform :OWN.refuse_option('run_at', v_at, 'a moment like "2030-01-31T08:00:00Z"');
end;
$$;

create function :OWN.option_priority(options jsonb) returns integer language plpgsql as $$
declare
  names constant jsonb := '{"critical": -100, "high": -10, "normal": 0, "low": 10}';
  v_value jsonb := nullif(options -> 'priority', 'null');
begin
  if jsonb_typeof(v_value) = 'string' and names ? (v_value #>> '{}') then
    return (names ->> (v_value #>> '{}'))::integer;
  end if;
  if v_value is not null and not :OWN.is_whole_number(v_value, -32768, 32767) then
    raise exception 'taskrun.add_job: priority % is not a name or integer', v_value
      using errcode = '22023',
        hint = 'Names: critical, high, normal, low. Integers: -32768 to 32767, lower runs first.';
  end if;
  return v_value::integer;
end;
$$;

-- A string of 1 to `longest` characters.
create function :OWN.option_name(options jsonb, name text, longest integer)
returns text language plpgsql as $$
declare
  v_value jsonb := nullif(options -> name, 'null');
begin
  if v_value is not null and not (jsonb_typeof(v_value) = 'string'
    and length(v_value #>> '{}') between 1 and longest) then
    perform :OWN.refuse_option(name, v_value, format('text of 1 to %s characters', longest));
  end if;
  return v_value #>> '{}';
end;
$$;

create function :OWN.option_key_mode(options jsonb) returns text language plpgsql as $$
declare
  v_value jsonb := coalesce(nullif(options -> 'key_mode', 'null'), '"replace"');
begin
  if v_value not in ('"replace"', '"preserve_run_at"', '"unsafe_dedupe"') then
    perform :OWN.refuse_option('key_mode', v_value,
      '"replace", "preserve_run_at" or "unsafe_dedupe"');
  end if;
  return v_value #>> '{}';
end;
$$;

create function :OWN.option_flags(options jsonb) returns text[] language plpgsql as $$
declare
  v_value jsonb := nullif(options -> 'flags', 'null');
begin
  if v_value is not null and (jsonb_typeof(v_value) <> 'array'
    or jsonb_path_exists(v_value, '$[*] ? (@.type() <> "string")')) then
    perform :OWN.refuse_option('flags', v_value, 'an array of names');
  end if;
  return case when v_value is not null then array(select jsonb_array_elements_text(v_value)) end;
end;
$$;

-- One of two forms, kept as it was given; attempts of the job are told how to read both.
create function :OWN.option_retry(options jsonb) returns jsonb language plpgsql as $$
declare
  v_name text := case when nullif(options -> 'retry_strategy', 'null') is null
    then 'retry' else 'retry_strategy' end;
  v_retry jsonb := nullif(options -> v_name, 'null');
  v_type text := lower(left(v_retry ->> 'type', 1)) || substr(v_retry ->> 'type', 2);
  -- A field that ends in "!" must be there.
  v_fields text[] := case
    when not v_retry ? 'type' then array['strategy', 'baseDelay', 'factor', 'increment',
      'maxDelay', 'jitter', 'maxAttempts']
    when v_type = 'exponential' then array['type', 'base_delay_ms!', 'multiplier!',
      'max_delay_ms', 'max_attempts']
    when v_type = 'linear' then array['type', 'base_delay_ms!', 'increment_ms!',
      'max_delay_ms', 'max_attempts']
    when v_type = 'fixed' then array['type', 'interval_ms!', 'max_attempts'] end;
  v_field text;
  v_value jsonb;
  v_expected text;
begin
  if v_retry is null then return null; end if;
  if v_name = 'retry_strategy' and nullif(options -> 'retry', 'null') is not null then
    raise exception 'taskrun.add_job: give retry or retry_strategy, not both'
      using errcode = '22023', hint = 'The two are names of the same option.';
  end if;
  if jsonb_typeof(v_retry) <> 'object' then
    perform :OWN.refuse_option(v_name, v_retry, 'an object like {"type": "fixed", "interval_ms": '
      '60000, "max_attempts": 5} or {"strategy": "fixed", "baseDelay": "1m"}');
  end if;
  if v_fields is null then
    perform :OWN.refuse_option(v_name || '.type', v_retry -> 'type',
      '"exponential", "linear" or "fixed"');
  end if;
  for v_field, v_value in select key, value from jsonb_each(v_retry) loop
    if not (v_field = any (v_fields) or v_field || '!' = any (v_fields)) then
      raise exception 'taskrun.add_job: % has the unknown field %', v_name, quote_literal(v_field)
        using errcode = '22023', hint = 'Its fields: '
          || replace(array_to_string(v_fields, ', '), '!', '') || '.';
    end if;
    v_expected := :OWN.expected_of_retry(v_field, v_value);
    if v_expected is not null then
      perform :OWN.refuse_option(v_name || '.' || v_field, v_value, v_expected);
    end if;
  end loop;
  select replace(field, '!', '') into v_field from unnest(v_fields) as field
    where field like '%!' and not v_retry ? replace(field, '!', '') limit 1;
  if found then
    raise exception 'taskrun.add_job: %.% is missing', v_name, v_field
      using errcode = '22023', hint = 'Of type ' || v_type || ' it has the fields '
        || replace(array_to_string(v_fields, ', '), '!', '') || '.';
  end if;
  return v_retry;
end;
$$;

-- What a field of a retry policy takes; null when the value is right.
create function :OWN.expected_of_retry(field text, value jsonb)
returns text language sql immutable as $$
  select case
    when field in ('maxAttempts', 'max_attempts') then
      case when not :OWN.is_whole_number(value, 1, 32767)
        then 'a whole number from 1 to 32767' end
    when field like '%\_ms' then
      case when jsonb_typeof(value) <> 'number' or value::text::numeric not between 0 and 1e12
        then 'a number of milliseconds from 0 to 1e12' end
    when field = 'multiplier' then
      case when jsonb_typeof(value) <> 'number' or value::text::numeric <= 0
        then 'a number above 0' end
    when field in ('baseDelay', 'increment', 'maxDelay') then
      case when not case jsonb_typeof(value)
        when 'number' then value::text::numeric between 0 and 1e12
        when 'string' then value #>> '{}' ~ '^([0-9]{1,9}(\.[0-9]+)?(ms|s|m|h|d))+$'
        else false end
        then 'a duration like "30s" or "1h30m", or a number of milliseconds' end
    when field = 'factor' then
      case when jsonb_typeof(value) <> 'number' or value::text::numeric < 1
        then 'a number of at least 1' end
    when field = 'jitter' then
      case when jsonb_typeof(value) <> 'number' or value::text::numeric not between 0 and 1
        then 'a number from 0 to 1' end
    when field = 'strategy' then
      case when value not in ('"exponential"', '"linear"', '"fixed"')
        then '"exponential", "linear" or "fixed"' end
  end;
$$;

-- Null = the queue's own default of 25.
create function :OWN.option_max_attempts(options jsonb) returns integer language plpgsql as $$
declare
  v_value jsonb := nullif(options -> 'max_attempts', 'null');
  v_retry jsonb := coalesce(nullif(options -> 'retry_strategy', 'null'), options -> 'retry');
begin
  if v_value is null then
    -- option_retry has seen to it that this is a number.
    return coalesce(v_retry -> 'max_attempts', v_retry -> 'maxAttempts')::integer;
  end if;
  if not :OWN.is_whole_number(v_value, 1, 32767) then
    perform :OWN.refuse_option('max_attempts', v_value, 'a whole number from 1 to 32767');
  end if;
  return v_value::integer;
end;
$$;

-- 0 = none; null = the task's.
create function :OWN.option_timeout_ms(options jsonb)
returns double precision language plpgsql as $$
declare
  v_value jsonb := nullif(options -> 'timeout', 'null');
  v_ms double precision;
begin
  if v_value is null then return null; end if;
  if v_value = 'false' then return 0; end if;
  v_ms := extract(epoch from :OWN.as_interval(v_value)) * 1000;
  if v_ms is null or v_ms <= 0 or v_ms > 1e12 then
    perform :OWN.refuse_option('timeout', v_value,
      'a duration like "30s" or "5 minutes", a number of milliseconds, or false for none');
  end if;
  return v_ms;
end;
$$;

-- The ids in `after`, each once; null when it is left out or empty.
create function :OWN.option_after(options jsonb) returns bigint[] language plpgsql as $$
declare
  v_value jsonb := nullif(options -> 'after', 'null');
  v_expected constant text := 'an array of the ids of jobs, like [17, "18"]';
begin
  if v_value is null then return null; end if;
  if jsonb_typeof(v_value) <> 'array' then
    perform :OWN.refuse_option('after', v_value, v_expected);
  end if;
  if exists (select from jsonb_array_elements(v_value) as id
    where id #>> '{}' !~ '^[0-9]{1,18}$' or jsonb_typeof(id) not in ('number', 'string')) then
    perform :OWN.refuse_option('after', v_value, v_expected);
  end if;
  return (select array_agg(distinct id::bigint) from jsonb_array_elements_text(v_value) as id);
end;
$$;

create function :OWN.option_on_parent_failure(options jsonb) returns text language plpgsql as $$
declare
  v_value jsonb := coalesce(nullif(options -> 'on_parent_failure', 'null'), '"cancel"');
begin
  if v_value not in ('"cancel"', '"run"', '"fail"') then
    perform :OWN.refuse_option('on_parent_failure', v_value, '"cancel", "run" or "fail"');
  end if;
  return v_value #>> '{}';
end;
$$;

-- Whether the payload is held against the task's schema.
create function :OWN.option_validate(options jsonb) returns boolean language plpgsql as $$
declare
  v_value jsonb := coalesce(nullif(options -> 'validate', 'null'), 'true');
begin
  if jsonb_typeof(v_value) <> 'boolean' then
    perform :OWN.refuse_option('validate', v_value, 'true or false');
  end if;
  return v_value::boolean;
end;
$$;

-- Refuses what is no object of known options.
create function :OWN.check_options(options jsonb) returns void language plpgsql as $$
declare
  known constant text[] := array['run_at', 'delay', 'priority', 'queue', 'key', 'key_mode',
    'max_attempts', 'retry', 'retry_strategy', 'timeout', 'after', 'on_parent_failure', 'flags',
    'correlation_id', 'created_by', 'parent_id', 'metadata', 'validate'];
  v_unknown text;
begin
  if jsonb_typeof(options) <> 'object' then
    raise exception 'taskrun.add_job: options must be a JSON object, got %',
      jsonb_typeof(options) using errcode = '22023';
  end if;
  select string_agg(quote_literal(name), ', ') into v_unknown
    from jsonb_object_keys(options) as name where name <> all (known);
  if v_unknown is not null then
    raise exception 'taskrun.add_job: unknown option %', v_unknown
      using errcode = '22023', hint = 'Known options: ' || array_to_string(known, ', ') || '.';
  end if;
end;
$$;

-- A keyed add has put another job in the place of a waiting one, under the same id.
create function :OWN.forget_replaced(job_id bigint, still_blocked boolean)
returns void language plpgsql as $$
begin
  delete from :OWN.steps s where s.job_id = forget_replaced.job_id;
  if still_blocked then
    update :OWN.job_details d set correlation_id = null, created_by = null, parent_id = null,
      metadata = null, progress = null, retry = null, timeout_ms = null, ending = null
    where d.job_id = forget_replaced.job_id;
  else
    delete from :OWN.dependencies d where d.job_id = forget_replaced.job_id;
    delete from :OWN.job_details d where d.job_id = forget_replaced.job_id;
  end if;
end;
$$;

-- Whether they say something that the queue's row has no column for.
create function :OWN.has_details(options jsonb) returns boolean language sql immutable as $$
  select options ?| array['correlation_id', 'created_by', 'parent_id', 'metadata', 'retry',
    'retry_strategy', 'timeout'];
$$;

create function :OWN.write_details(job_id bigint, options jsonb) returns void language plpgsql as $$
begin
  if jsonb_typeof(options -> 'metadata') not in ('object', 'null') then
    perform :OWN.refuse_option('metadata', options -> 'metadata', 'an object');
  end if;
  if options ->> 'parent_id' !~ '^[0-9]{1,18}$' then
    perform :OWN.refuse_option('parent_id', options -> 'parent_id', 'the id of a job');
  end if;
  insert into :OWN.job_details as d
    (job_id, correlation_id, created_by, parent_id, metadata, retry, timeout_ms)
  values (write_details.job_id, options ->> 'correlation_id', options ->> 'created_by',
    (options ->> 'parent_id')::bigint, nullif(options -> 'metadata', 'null'),
    coalesce(nullif(options -> 'retry_strategy', 'null'), nullif(options -> 'retry', 'null')),
    :OWN.option_timeout_ms(options))
  on conflict on constraint job_details_pkey do update set
    correlation_id = excluded.correlation_id, created_by = excluded.created_by,
    parent_id = excluded.parent_id, metadata = excluded.metadata, progress = null,
    retry = excluded.retry, timeout_ms = excluded.timeout_ms;
end;
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
      v_options ->> 'key' using errcode = '40001', hint = 'Try again.';
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

comment on function :OWN.add_job is
  'Adds a job and returns its id. Options: run_at | delay, priority, queue, key, key_mode, max_attempts, retry (or retry_strategy), timeout, after, on_parent_failure, flags, correlation_id, created_by, parent_id, metadata, validate.';

-- Whether the queue's add_jobs can take the job, every option being what it is expected to be.
create or replace function :OWN.is_plain_job(job jsonb) returns boolean language sql immutable as $$
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
      when 'timeout' then option.value = 'false' or option.value::text ~ '^[1-9][0-9]{0,11}$'
      when 'metadata' then jsonb_typeof(option.value) in ('object', 'null')
      when 'parent_id' then option.value #>> '{}' ~ '^[0-9]{1,18}$'
      when 'validate' then jsonb_typeof(option.value) = 'boolean'
      else option.key in ('correlation_id', 'created_by')
    end
  );
$$;

create or replace function :OWN.add_jobs(jobs jsonb) returns setof bigint language plpgsql as $$
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
  perform :OWN.check_payload(job ->> 'task', coalesce(job -> 'payload', '{}'), place)
    from jsonb_array_elements(jobs) with ordinality as e (job, place)
    join :OWN.tasks t on t.name = job ->> 'task' and t.payload_schema is not null
    where job #> '{options,validate}' is distinct from 'false' order by place;

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
