-- The payload contract: what the running code says of a task's payload holds in SQL as well.
-- :OWN is our schema.
--
--   payload_issues   what is wrong with a payload, by the JSON Schema in `tasks`
--   check_payload    raises it; called by add_job and add_jobs
--   schema_issues    holds a value against a JSON Schema (2020-12); the rest are its parts
--
-- What can't be checked here is accepted: the task's own schema has the last word when the job
-- runs. So keywords and formats that are not known, references that lead nowhere, patterns that
-- Postgres can't compile and values nested deeper than 60 levels are passed over.

-- `kind` is "type" or "const" where the value isn't even of the sort that was expected.
create type :OWN.payload_issue as (path text, message text, kind text);

create function :OWN.member_path(path text, name text) returns text language sql immutable as $$
  select path || case when name ~ '^[A-Za-z_$][A-Za-z0-9_$]*$' then '.' || name
    else '[' || to_json(name)::text || ']' end;
$$;

create function :OWN.shown_value(given jsonb) returns text language sql immutable as $$
  select case when length(given::text) > 60 then left(given::text, 57) || '...'
    else given::text end;
$$;

create function :OWN.type_name(type text) returns text language sql immutable as $$
  select case type when 'string' then 'a string' when 'number' then 'a number'
    when 'integer' then 'a whole number' when 'boolean' then 'true or false'
    when 'array' then 'an array' when 'object' then 'an object' else type end;
$$;

create function :OWN.fits_type(given jsonb, type text) returns boolean language sql immutable as $$
  select case
    when type = 'integer' then
      case when jsonb_typeof(given) = 'number' then trunc(given::numeric) = given::numeric
        else false end
    when type in ('string', 'number', 'boolean', 'array', 'object', 'null')
      then jsonb_typeof(given) = type
    else true end;
$$;

-- A JavaScript pattern in the words of Postgres; null when it can't be said.
create function :OWN.translated_pattern(pattern text) returns text language plpgsql immutable as $$
declare
  v_token text;
  v_letter text;
  v_in_brackets boolean := false;
  v_after_class boolean := false;
  v_result text := '';
begin
  for v_token in select match[1] from regexp_matches(pattern,
    '(\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\.|\[\^?\]?|\]|\.|-|[^][\\.-]+)', 'g') as match
  loop
    v_letter := case when left(v_token, 1) = '\' then substr(v_token, 2, 1) end;
    if v_in_brackets then
      v_result := v_result || case
        when v_letter in ('p', 'P') then null
        when v_letter = 'd' then '0-9'
        when v_letter = 'w' then 'A-Za-z0-9_'
        when v_letter = 'x' then '\u00' || substr(v_token, 3)
        when v_letter ~ '[A-Za-z]' and v_letter !~ '[bcfnrstvuDSW]' then v_letter
        -- To JavaScript it is no range when one of its ends is a class.
        when v_token = '-' and v_after_class then '\-'
        when v_token like '[%' then replace(replace(v_token, '[', '\['), ']', '')
        else v_token end;
      v_after_class := coalesce(v_letter in ('d', 'w', 's'), false);
      if right(v_token, 1) = ']' and v_letter is null then
        if v_token <> ']' then v_result := v_result || ']'; end if;
        v_in_brackets := false;
      end if;
    elsif v_token like '[%' then
      -- Nothing, and anything at all.
      if v_token like '%]' then return null; end if;
      v_result := v_result || v_token;
      v_in_brackets := true;
      v_after_class := false;
    else
      v_result := v_result || case
        when v_letter = 'd' then '[0-9]'
        when v_letter = 'D' then '[^0-9]'
        when v_letter = 'w' then '[A-Za-z0-9_]'
        when v_letter = 'W' then '[^A-Za-z0-9_]'
        when v_letter = 'b' then '\y'
        when v_letter = 'B' then '\Y'
        when v_letter = 'x' then '\u00' || substr(v_token, 3)
        when v_letter = 'k' or v_letter = 'p' or v_letter = 'P' then null
        when v_letter ~ '[A-Za-z]' and v_letter !~ '[cfnrstvuS]' then v_letter
        when v_token = '.' then '[^\n\r\u2028\u2029]'
        when v_letter is null
          then regexp_replace(v_token, '\(\?<[A-Za-z_$][A-Za-z0-9_$]*>', '(', 'g')
        else v_token end;
    end if;
  end loop;
  return v_result;
end;
$$;

create function :OWN.fits_pattern(given text, pattern text)
returns boolean language plpgsql immutable as $$
begin
  return coalesce(given ~ :OWN.translated_pattern(pattern), true);
exception when invalid_regular_expression or program_limit_exceeded then
  return true;
end;
$$;

create function :OWN.fits_format(given text, format text)
returns boolean language plpgsql stable as $$
begin
  case format
    when 'email' then return given ~ '^[^@[:space:]]+@[^@[:space:]]+$';
    when 'uuid' then return given ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$';
    when 'uri' then return given ~ '^[[:space:]]*[A-Za-z][A-Za-z0-9+.-]*:';
    when 'date-time' then
      return given ~* '^[0-9]{4}-[0-9]{2}-[0-9]{2}t[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})$'
        and given::timestamptz is not null;
    when 'date' then
      return given ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' and given::date is not null;
    when 'time' then
      return given ~* '^[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})?$'
        and left(given, 8)::time is not null;
    when 'ipv4' then
      return given ~ '^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\.|$)){4}$' and given !~ '\.$';
    when 'ipv6' then return given ~ '^[0-9A-Fa-f:.]+$' and family(given::inet) = 6;
    else return true;
  end case;
exception when data_exception then
  return false;
end;
$$;

create function :OWN.string_issues(given jsonb, schema jsonb, path text)
returns :OWN.payload_issue[] language plpgsql stable as $$
declare
  v_text text := given #>> '{}';
  v_issues text[] := '{}';
begin
  if length(v_text) < (schema -> 'minLength')::numeric then
    v_issues := v_issues || format('expected at least %s characters, got %s',
      schema ->> 'minLength', length(v_text));
  end if;
  if length(v_text) > (schema -> 'maxLength')::numeric then
    v_issues := v_issues || format('expected at most %s characters, got %s',
      schema ->> 'maxLength', length(v_text));
  end if;
  if schema ? 'pattern' then
    -- Whoever writes both, as zod does, says by the pattern what he means by the format.
    if not :OWN.fits_pattern(v_text, schema ->> 'pattern') then
      v_issues := v_issues || case when schema ? 'format'
        then format('%s is not of the format "%s"', :OWN.shown_value(given), schema ->> 'format')
        else format('%s does not match the pattern %s', :OWN.shown_value(given),
          schema ->> 'pattern') end;
    end if;
  elsif schema ? 'format' and not :OWN.fits_format(v_text, schema ->> 'format') then
    v_issues := v_issues || format('%s is not of the format "%s"', :OWN.shown_value(given),
      schema ->> 'format');
  end if;
  return array(select row(path, message, null):::OWN.payload_issue
    from unnest(v_issues) as message);
end;
$$;

create function :OWN.number_issues(given jsonb, schema jsonb, path text)
returns :OWN.payload_issue[] language plpgsql immutable as $$
declare
  v_number numeric := given::numeric;
  v_issues text[] := '{}';
begin
  if v_number < (schema -> 'minimum')::numeric then
    v_issues := v_issues || format('expected at least %s', schema ->> 'minimum');
  end if;
  if v_number > (schema -> 'maximum')::numeric then
    v_issues := v_issues || format('expected at most %s', schema ->> 'maximum');
  end if;
  if v_number <= (schema -> 'exclusiveMinimum')::numeric then
    v_issues := v_issues || format('expected more than %s', schema ->> 'exclusiveMinimum');
  end if;
  if v_number >= (schema -> 'exclusiveMaximum')::numeric then
    v_issues := v_issues || format('expected less than %s', schema ->> 'exclusiveMaximum');
  end if;
  if mod(v_number, nullif((schema -> 'multipleOf')::numeric, 0)) <> 0 then
    v_issues := v_issues || format('expected a multiple of %s', schema ->> 'multipleOf');
  end if;
  return array(select row(path, format('%s, got %s', message, :OWN.shown_value(given)),
    null):::OWN.payload_issue from unnest(v_issues) as message);
end;
$$;

create function :OWN.array_issues(given jsonb, schema jsonb, root jsonb, path text, depth integer)
returns :OWN.payload_issue[] language plpgsql stable as $$
declare
  v_issues :OWN.payload_issue[] := '{}';
  v_length integer := jsonb_array_length(given);
  v_prefix jsonb := case when jsonb_typeof(schema -> 'items') = 'array' then schema -> 'items'
    else coalesce(schema -> 'prefixItems', '[]') end;
  v_rest jsonb := case when jsonb_typeof(schema -> 'items') = 'array'
    then schema -> 'additionalItems' else schema -> 'items' end;
  v_item jsonb;
  v_index integer := 0;
  v_schema jsonb;
  v_count integer;
begin
  if v_length < (schema -> 'minItems')::numeric then
    v_issues := v_issues || row(path, format('expected at least %s items, got %s',
      schema ->> 'minItems', v_length), null):::OWN.payload_issue;
  end if;
  if v_length > (schema -> 'maxItems')::numeric then
    v_issues := v_issues || row(path, format('expected at most %s items, got %s',
      schema ->> 'maxItems', v_length), null):::OWN.payload_issue;
  end if;
  if schema -> 'uniqueItems' = 'true' and v_length > 1 and v_length <>
    (select count(distinct item) from jsonb_array_elements(given) as item) then
    v_issues := v_issues || row(path, 'expected items that all differ', null):::OWN.payload_issue;
  end if;
  if schema ? 'contains' then
    select count(*) into v_count from jsonb_array_elements(given) as item
      where :OWN.schema_issues(item, schema -> 'contains', root, path, depth + 1) = '{}';
    if v_count < coalesce((schema -> 'minContains')::numeric, 1)
      or v_count > (schema -> 'maxContains')::numeric then
      v_issues := v_issues || row(path, format('%s of its items are as some have to be', v_count),
        null):::OWN.payload_issue;
    end if;
  end if;
  if v_prefix <> '[]' or v_rest is not null then
    for v_item in select item from jsonb_array_elements(given) as item loop
      v_schema := coalesce(v_prefix -> v_index, v_rest);
      if v_schema is not null then
        v_issues := v_issues || :OWN.schema_issues(v_item, v_schema, root,
          path || '[' || v_index || ']', depth + 1);
      end if;
      v_index := v_index + 1;
    end loop;
  end if;
  return v_issues;
end;
$$;

create function :OWN.object_issues(given jsonb, schema jsonb, root jsonb, path text, depth integer)
returns :OWN.payload_issue[] language plpgsql stable as $$
declare
  v_issues :OWN.payload_issue[] := '{}';
  v_properties jsonb := coalesce(schema -> 'properties', '{}');
  v_patterns jsonb := coalesce(schema -> 'patternProperties', '{}');
  v_additional jsonb := coalesce(schema -> 'additionalProperties', 'true');
  v_name text;
  v_schema jsonb;
  v_count integer;
begin
  for v_name in select name from jsonb_array_elements_text(coalesce(schema -> 'required', '[]'))
    as name where not given ? name
  loop
    v_issues := v_issues
      || row(:OWN.member_path(path, v_name), 'is missing', 'type'):::OWN.payload_issue;
  end loop;
  for v_name, v_schema in select * from jsonb_each(v_properties) loop
    if given ? v_name then
      v_issues := v_issues || :OWN.schema_issues(given -> v_name, v_schema, root,
        :OWN.member_path(path, v_name), depth + 1);
    end if;
  end loop;
  if v_patterns <> '{}' then
    for v_name, v_schema in
      select name, matching.value
      from jsonb_object_keys(given) as name, jsonb_each(v_patterns) as matching
      where :OWN.fits_pattern(name, matching.key)
    loop
      v_issues := v_issues || :OWN.schema_issues(given -> v_name, v_schema, root,
        :OWN.member_path(path, v_name), depth + 1);
    end loop;
  end if;
  if v_additional not in ('true', '{}') then
    for v_name in select name from jsonb_object_keys(given) as name
      where not v_properties ? name and not exists (
        select from jsonb_object_keys(v_patterns) as pattern
        where :OWN.fits_pattern(name, pattern))
    loop
      v_issues := v_issues || case when v_additional = 'false'
        then array[row(path, format('unknown property %s', to_json(v_name)),
          null):::OWN.payload_issue]
        else :OWN.schema_issues(given -> v_name, v_additional, root,
          :OWN.member_path(path, v_name), depth + 1) end;
    end loop;
  end if;
  if schema ? 'propertyNames' then
    for v_name in select name from jsonb_object_keys(given) as name
      where :OWN.schema_issues(to_jsonb(name), schema -> 'propertyNames', root, path, depth + 1)
        <> '{}'
    loop
      v_issues := v_issues || row(path, format('no property may be called %s', to_json(v_name)),
        null):::OWN.payload_issue;
    end loop;
  end if;
  if schema ?| array['minProperties', 'maxProperties'] then
    select count(*) into v_count from jsonb_object_keys(given);
    if v_count < (schema -> 'minProperties')::numeric then
      v_issues := v_issues || row(path, format('expected at least %s properties, got %s',
        schema ->> 'minProperties', v_count), null):::OWN.payload_issue;
    elsif v_count > (schema -> 'maxProperties')::numeric then
      v_issues := v_issues || row(path, format('expected at most %s properties, got %s',
        schema ->> 'maxProperties', v_count), null):::OWN.payload_issue;
    end if;
  end if;
  return v_issues;
end;
$$;

-- What "#", "#/$defs/address" and their like stand for; null when they lead nowhere.
create function :OWN.referred_schema(reference text, root jsonb)
returns jsonb language sql immutable as $$
  select case
    when reference = '#' then root
    when reference like '#/%' then root #> array(
      select replace(replace(replace(step, '%25', '%'), '~1', '/'), '~0', '~')
      from unnest(string_to_array(substr(reference, 3), '/')) with ordinality as e (step, place)
      order by place)
  end;
$$;

-- Of a value that fits none of several schemas: the issues of the one that it was meant for, if
-- that can be told.
create function :OWN.closest_issues(given jsonb, schemas jsonb, root jsonb, path text,
  depth integer)
returns :OWN.payload_issue[] language plpgsql stable as $$
declare
  v_schema jsonb;
  v_issues :OWN.payload_issue[];
  v_meant :OWN.payload_issue[];
  v_meant_count integer := 0;
  v_messages text[] := '{}';
begin
  for v_schema in select * from jsonb_array_elements(schemas) loop
    v_issues := :OWN.schema_issues(given, v_schema, root, path, depth + 1);
    if v_issues = '{}' then return v_issues; end if;
    v_messages := v_messages || v_issues[1].message;
    -- Another sort of value, or another member of a family that is told apart by a constant.
    if not exists (select from unnest(v_issues) as issue where issue.kind = 'const'
      or (issue.kind = 'type' and issue.path = closest_issues.path)) then
      v_meant := v_issues;
      v_meant_count := v_meant_count + 1;
    end if;
  end loop;
  if v_meant_count = 1 then return v_meant; end if;
  return array[row(path, 'fits none of what is allowed: ' || array_to_string(
    array(select distinct message from unnest(v_messages) as message limit 5), '; '),
    case when v_meant_count = 0 then 'type' end):::OWN.payload_issue];
end;
$$;

create function :OWN.combined_issues(given jsonb, schema jsonb, root jsonb, path text,
  depth integer)
returns :OWN.payload_issue[] language plpgsql stable as $$
declare
  v_issues :OWN.payload_issue[] := '{}';
  v_schema jsonb;
  v_count integer;
begin
  if schema ? '$ref' then
    v_schema := :OWN.referred_schema(schema ->> '$ref', root);
    if v_schema is not null then
      v_issues := v_issues || :OWN.schema_issues(given, v_schema, root, path, depth + 1);
    end if;
  end if;
  for v_schema in select * from jsonb_array_elements(coalesce(schema -> 'allOf', '[]')) loop
    v_issues := v_issues || :OWN.schema_issues(given, v_schema, root, path, depth + 1);
  end loop;
  if schema ? 'anyOf' then
    v_issues := v_issues || :OWN.closest_issues(given, schema -> 'anyOf', root, path, depth);
  end if;
  if schema ? 'oneOf' then
    select count(*) into v_count from jsonb_array_elements(schema -> 'oneOf') as one
      where :OWN.schema_issues(given, one, root, path, depth + 1) = '{}';
    if v_count = 0 then
      v_issues := v_issues || :OWN.closest_issues(given, schema -> 'oneOf', root, path, depth);
    elsif v_count > 1 then
      v_issues := v_issues || row(path, 'fits more than one of what is allowed',
        null):::OWN.payload_issue;
    end if;
  end if;
  if schema ? 'not'
    and :OWN.schema_issues(given, schema -> 'not', root, path, depth + 1) = '{}' then
    v_issues := v_issues || row(path, format('%s is not allowed here', :OWN.shown_value(given)),
      'type'):::OWN.payload_issue;
  end if;
  if schema ? 'if' then
    v_schema := case when :OWN.schema_issues(given, schema -> 'if', root, path, depth + 1) = '{}'
      then schema -> 'then' else schema -> 'else' end;
    if v_schema is not null then
      v_issues := v_issues || :OWN.schema_issues(given, v_schema, root, path, depth + 1);
    end if;
  end if;
  return v_issues;
end;
$$;

create function :OWN.schema_issues(given jsonb, schema jsonb, root jsonb, path text, depth integer)
returns :OWN.payload_issue[] language plpgsql stable as $$
declare
  v_type jsonb := schema -> 'type';
  v_issues :OWN.payload_issue[] := '{}';
begin
  if schema = 'false' then
    return array[row(path, 'nothing is allowed here', 'type'):::OWN.payload_issue];
  end if;
  if jsonb_typeof(schema) <> 'object' or depth > 60 then return v_issues; end if;
  if v_type is not null then
    if jsonb_typeof(v_type) = 'string' then v_type := jsonb_build_array(v_type); end if;
    if not exists (select from jsonb_array_elements_text(v_type) as type
      where :OWN.fits_type(given, type)) then
      return array[row(path, format('expected %s, got %s',
        (select string_agg(:OWN.type_name(type), ' or ')
          from jsonb_array_elements_text(v_type) as type),
        case when jsonb_typeof(given) in ('number', 'boolean') then :OWN.shown_value(given)
          else :OWN.type_name(jsonb_typeof(given)) end), 'type'):::OWN.payload_issue];
    end if;
  end if;
  if schema ? 'const' and given <> schema -> 'const' then
    v_issues := v_issues || row(path, format('expected %s, got %s', schema -> 'const',
      :OWN.shown_value(given)), 'const'):::OWN.payload_issue;
  end if;
  if schema ? 'enum' and not exists (
    select from jsonb_array_elements(schema -> 'enum') as one where one = given) then
    v_issues := v_issues || row(path, format('expected one of %s, got %s',
      (select string_agg(one::text, ', ') from jsonb_array_elements(schema -> 'enum') as one),
      :OWN.shown_value(given)), 'const'):::OWN.payload_issue;
  end if;
  case jsonb_typeof(given)
    when 'string' then
      if schema ?| array['minLength', 'maxLength', 'pattern', 'format'] then
        v_issues := v_issues || :OWN.string_issues(given, schema, path);
      end if;
    when 'number' then
      if schema ?| array['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum',
        'multipleOf'] then
        v_issues := v_issues || :OWN.number_issues(given, schema, path);
      end if;
    when 'array' then
      v_issues := v_issues || :OWN.array_issues(given, schema, root, path, depth);
    when 'object' then
      v_issues := v_issues || :OWN.object_issues(given, schema, root, path, depth);
    else null;
  end case;
  if schema ?| array['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'if'] then
    v_issues := v_issues || :OWN.combined_issues(given, schema, root, path, depth);
  end if;
  return v_issues;
end;
$$;

create function :OWN.payload_issues(task text, payload jsonb)
returns table (path text, message text) language plpgsql stable as $$
declare
  v_schema jsonb;
  v_issues :OWN.payload_issue[];
begin
  select t.payload_schema into v_schema from :OWN.tasks t where t.name = payload_issues.task;
  if v_schema is null then return; end if;
  begin
    v_issues := :OWN.schema_issues(coalesce(payload, '{}'), v_schema, v_schema, '$', 0);
  -- A schema that is none, or too much for us, is no reason to refuse a job.
  exception when others then
    return;
  end;
  return query select issue.path, issue.message
    from unnest(v_issues) with ordinality as issue (path, message, kind, place)
    group by issue.path, issue.message order by min(issue.place);
end;
$$;

comment on function :OWN.payload_issues is
  'What is wrong with a payload for a task, by the schema that the running code has published; no rows when it fits, or when the task is not known.';

create function :OWN.check_payload(task text, payload jsonb, place bigint default null)
returns void language plpgsql as $$
declare
  v_count bigint;
  v_text text;
  v_detail text;
begin
  select count(*), string_agg(path || ': ' || message, '; ') filter (where n <= 20),
    json_agg(json_build_object('path', path, 'message', message)) filter (where n <= 100)
  into v_count, v_text, v_detail
  from :OWN.payload_issues(check_payload.task, check_payload.payload)
    with ordinality as issue (path, message, n);
  if v_count = 0 then return; end if;
  raise exception 'taskrun.%: the payload for % is wrong at %',
    case when place is null then 'add_job' else format('add_jobs: job %s of the list', place) end,
    check_payload.task,
    v_text || case when v_count > 20 then format('; and %s more', v_count - 20) else '' end
    using errcode = '23514', detail = v_detail,
      hint = 'Send a payload that fits the task''s schema, or add it all the same with the option "validate": false.';
end;
$$;
