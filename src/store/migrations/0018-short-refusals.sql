-- What is refused quotes what was given, whose length is up to the caller: of long texts the
-- beginning is told, and how long they were. :OWN is our schema.
--
--   short_text     the beginning of a text
--   short_names    the first names of a list
--   check_payload  tells as many issues as can be read, each with the beginning of its path
--
-- The rest are functions of before that quoted texts in full.

create function :OWN.short_text(given text, longest integer default 60)
returns text language sql immutable as $$
  select case when length(given) > longest
    then left(given, longest) || '... (' || length(given) || ' characters)' else given end;
$$;

create function :OWN.short_names(names text[]) returns text language sql immutable as $$
  select string_agg(quote_literal(:OWN.short_text(name)), ', ' order by place)
      || case when cardinality(names) > 5 then ' and ' || cardinality(names) - 5 || ' more'
        else '' end
    from unnest(names[:5]) with ordinality as e (name, place);
$$;

create or replace function :OWN.refuse_option(name text, value jsonb, expected text)
returns void language plpgsql as $$
begin
  raise exception 'taskrun.add_job: % is %, expected %', name,
    :OWN.short_text(value::text, 97), expected
    using errcode = '22023', hint = 'Correct the option ' || quote_literal(name) || '.';
end;
$$;

create or replace function :OWN.option_priority(options jsonb)
returns integer language plpgsql as $$
declare
  names constant jsonb := '{"critical": -100, "high": -10, "normal": 0, "low": 10}';
  v_value jsonb := nullif(options -> 'priority', 'null');
begin
  if jsonb_typeof(v_value) = 'string' and names ? (v_value #>> '{}') then
    return (names ->> (v_value #>> '{}'))::integer;
  end if;
  if v_value is not null and not :OWN.is_whole_number(v_value, -32768, 32767) then
    raise exception 'taskrun.add_job: priority % is not a name or integer',
      :OWN.short_text(v_value::text)
      using errcode = '22023',
        hint = 'Names: critical, high, normal, low. Integers: -32768 to 32767, lower runs first.';
  end if;
  return v_value::integer;
end;
$$;

create or replace function :OWN.option_retry(options jsonb) returns jsonb language plpgsql as $$
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
      raise exception 'taskrun.add_job: % has the unknown field %', v_name,
        quote_literal(:OWN.short_text(v_field))
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

create or replace function :OWN.check_options(options jsonb) returns void language plpgsql as $$
declare
  known constant text[] := array['run_at', 'delay', 'priority', 'queue', 'key', 'key_mode',
    'max_attempts', 'retry', 'retry_strategy', 'timeout', 'after', 'on_parent_failure', 'flags',
    'correlation_id', 'created_by', 'parent_id', 'metadata', 'validate'];
  v_unknown text[];
begin
  if jsonb_typeof(options) <> 'object' then
    raise exception 'taskrun.add_job: options must be a JSON object, got %',
      jsonb_typeof(options) using errcode = '22023';
  end if;
  v_unknown := array(select name from jsonb_object_keys(options) as name
    where name <> all (known));
  if v_unknown <> '{}' then
    raise exception 'taskrun.add_job: unknown option %', :OWN.short_names(v_unknown)
      using errcode = '22023', hint = 'Known options: ' || array_to_string(known, ', ') || '.';
  end if;
end;
$$;

create or replace function :OWN.member_path(path text, name text)
returns text language sql immutable as $$
  select path || case when name ~ '^[A-Za-z_$][A-Za-z0-9_$]*$' then '.' || :OWN.short_text(name)
    else '[' || to_json(:OWN.short_text(name))::text || ']' end;
$$;

create or replace function :OWN.check_payload(task text, payload jsonb,
  place bigint default null)
returns void language plpgsql as $$
declare
  v_count bigint;
  v_told bigint;
  v_text text;
  v_detail text;
begin
  with issue as (
    select :OWN.short_text(path, 300) as path, :OWN.short_text(message, 300) as message, n
    from :OWN.payload_issues(check_payload.task, check_payload.payload)
      with ordinality as issue (path, message, n)
  ), listed as (
    select issue.*, n = 1 or n <= 20
      and sum(length(path) + length(message) + 4) over (order by n) <= 2000 as is_told
    from issue
  )
  select count(*), count(*) filter (where is_told),
    string_agg(path || ': ' || message, '; ' order by n) filter (where is_told),
    json_agg(json_build_object('path', path, 'message', message) order by n)
      filter (where n <= 100)
  into v_count, v_told, v_text, v_detail from listed;
  if v_count = 0 then return; end if;
  raise exception 'taskrun.%: the payload for % is wrong at %',
    case when place is null then 'add_job' else format('add_jobs: job %s of the list', place) end,
    check_payload.task,
    v_text || case when v_count > v_told then format('; and %s more', v_count - v_told) else '' end
    using errcode = '23514', detail = v_detail,
      hint = 'Send a payload that fits the task''s schema, or add it all the same with the option "validate": false.';
end;
$$;

create or replace function :OWN.check_filter(operation text, filter jsonb) returns void
language plpgsql as $$
declare
  known constant text[] := array['ids', 'task', 'state', 'queue', 'correlation_id', 'since',
    'until', 'limit', 'all'];
  v_unknown text[];
  v_state text;
begin
  if :OWN.states_for(operation, false) is null then
    raise exception 'there is no operation %; there are cancel, retry and run_now',
      :OWN.short_text(operation) using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(filter) is distinct from 'object' then
    perform :OWN.refuse_filter('must be a JSON object');
  end if;
  v_unknown := array(select name from jsonb_object_keys(filter) as name where name <> all (known));
  if v_unknown <> '{}' then
    perform :OWN.refuse_filter(format('has no %s; there are %s', :OWN.short_names(v_unknown),
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
    perform :OWN.refuse_filter(format('has the state %s: this is for jobs that are %s',
      :OWN.short_text(v_state), array_to_string(:OWN.states_for(operation, false), ', ')));
  end if;
end;
$$;

create or replace function :OWN.check_gate(kind text, name text)
returns void language plpgsql immutable as $$
begin
  if kind is null or kind not in ('all', 'task', 'queue') then
    raise exception 'taskrun: % can''t be paused',
      coalesce(quote_literal(:OWN.short_text(kind)), 'null')
      using errcode = '22023', hint = 'Kinds: all, task, queue.';
  end if;
  if kind = 'all' and name <> '' then
    raise exception 'taskrun: kind all takes no name, got %', quote_literal(:OWN.short_text(name))
      using errcode = '22023', hint = 'To pause one task: taskrun.pause(''task'', name).';
  end if;
  if kind <> 'all' and coalesce(name, '') = '' then
    raise exception 'taskrun: which % is meant?', kind
      using errcode = '22023', hint = format('Give its name: taskrun.pause(%L, name).', kind);
  end if;
end;
$$;
