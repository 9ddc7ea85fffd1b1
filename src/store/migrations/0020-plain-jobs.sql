-- Adding plain jobs fast: those without a key, flags or jobs to wait for, whose options have been
-- checked by who calls (our own code). :QUEUE is graphile-worker's schema, :OWN is ours.
--
-- Many jobs differ in nothing but their payload. So what they have in common, their kind, is said
-- and read once: an object { "task": …, and the options of add_job }.

-- The jobs' ids, in the order of the payloads. `kind_of` says for each job which kind it is of, by
-- its place in `kinds`, from 1; an empty one says that all are of the first. Nothing in the
-- statements below changes the order of elements and rows; to sort them would cost as much as the
-- rest.
create function :OWN.add_plain_jobs(kinds jsonb, kind_of integer[], payloads json)
returns bigint[] language plpgsql as $$
declare
  v_tasks integer[];
  v_queues integer[];
  v_run_ats timestamptz[];
  v_max_attempts smallint[];
  v_priorities smallint[];
  v_is_checked boolean;
  v_has_details boolean;
  v_ids bigint[];
begin
  for v_try in 1 .. 3 loop
    -- No nulls in these arrays: in one that has some, finding a place means walking to it.
    select array_agg(coalesce(task_id, 0)), array_agg(coalesce(queue_id, 0)),
      array_agg(coalesce(run_at, now())),
      array_agg(coalesce((kind ->> 'max_attempts')::smallint, 25::smallint)),
      array_agg(coalesce((kind ->> 'priority')::smallint, 0::smallint)),
      bool_or(is_checked), bool_or(:OWN.has_details(kind))
    into v_tasks, v_queues, v_run_ats, v_max_attempts, v_priorities, v_is_checked, v_has_details
    from (
      select kind,
        (select t.id from :QUEUE._private_tasks t where t.identifier = kind ->> 'task') as task_id,
        case when kind ? 'queue' then coalesce((select q.id from :QUEUE._private_job_queues q
          where q.queue_name = kind ->> 'queue'), -1) end as queue_id,
        case when kind ?| array['run_at', 'delay'] then :OWN.option_run_at(kind) end as run_at,
        case when kind -> 'validate' = 'false' then false else exists (select from :OWN.tasks t
          where t.name = kind ->> 'task' and t.payload_schema is not null) end as is_checked
      from jsonb_array_elements(kinds) as kind
    ) as given;
    exit when 0 <> all (v_tasks) and -1 <> all (v_queues);
    if v_try = 3 then
      raise exception 'taskrun.add_plain_jobs: the names of tasks and queues can''t be seen';
    end if;
    insert into :QUEUE._private_tasks (identifier)
      select distinct kind ->> 'task' from jsonb_array_elements(kinds) as kind
      where not exists (select from :QUEUE._private_tasks t where t.identifier = kind ->> 'task')
      order by 1
      on conflict do nothing;
    insert into :QUEUE._private_job_queues (queue_name)
      select distinct kind ->> 'queue' from jsonb_array_elements(kinds) as kind
      where kind ? 'queue' and not exists (
        select from :QUEUE._private_job_queues q where q.queue_name = kind ->> 'queue')
      order by 1
      on conflict do nothing;
  end loop;

  if v_is_checked then
    perform :OWN.check_payload(kinds -> k -> 'task' #>> '{}', payload::jsonb, place)
    from (
      select payload, coalesce(kind, 1) - 1 as k, place
      from rows from (json_array_elements(payloads), unnest(kind_of))
        with ordinality as e (payload, kind, place)
      order by place
    ) as given
    where kinds -> k -> 'validate' is distinct from 'false';
  end if;

  with added as (
    insert into :QUEUE._private_jobs (task_id, payload, job_queue_id, run_at, max_attempts,
      priority)
    select v_tasks[k], payload, nullif(v_queues[k], 0), v_run_ats[k], v_max_attempts[k],
      v_priorities[k]
    from (
      select payload, coalesce(kind, 1) as k
      from rows from (json_array_elements(payloads), unnest(kind_of)) as e (payload, kind)
    ) as given
    returning id
  )
  select array_agg(id) into v_ids from added;

  if v_has_details then
    perform :OWN.write_plain_details(v_ids, kinds, kind_of);
  end if;
  -- As the queue's own functions say it.
  perform pg_notify('jobs:insert',
    '{"r":' || random()::text || ',"count":' || cardinality(v_ids)::text || '}');
  return v_ids;
end;
$$;

comment on function :OWN.add_plain_jobs is
  'Used by taskrun''s client, which has checked the options. Call add_job or add_jobs instead.';

-- What the queue's rows have no columns for.
create function :OWN.write_plain_details(ids bigint[], kinds jsonb, kind_of integer[])
returns void language plpgsql as $$
begin
  insert into :OWN.job_details as d
    (job_id, correlation_id, created_by, parent_id, metadata, retry, timeout_ms)
  select ids[place], correlation_id, created_by, parent_id, metadata, retry, timeout_ms
  from (
    select n, kind ->> 'correlation_id' as correlation_id, kind ->> 'created_by' as created_by,
      (kind ->> 'parent_id')::bigint as parent_id, nullif(kind -> 'metadata', 'null') as metadata,
      nullif(kind -> 'retry', 'null') as retry,
      case when kind ? 'timeout' then :OWN.option_timeout_ms(kind) end as timeout_ms
    from jsonb_array_elements(kinds) with ordinality as e (kind, n)
    where :OWN.has_details(kind)
  ) as detailed
  join (
    select coalesce(kind, 1) as k, place
    from rows from (unnest(ids), unnest(kind_of)) with ordinality as e (id, kind, place)
  ) as given on k = n
  on conflict on constraint job_details_pkey do update set
    correlation_id = excluded.correlation_id, created_by = excluded.created_by,
    parent_id = excluded.parent_id, metadata = excluded.metadata, progress = null,
    retry = excluded.retry, timeout_ms = excluded.timeout_ms;
end;
$$;

-- Whoever may call add_jobs, with whatever rights it acts, may call this one the same way.
do $do$
declare
  v_known pg_proc;
  v_grantee oid;
begin
  select * into v_known from pg_proc where oid = ':OWN.add_jobs(jsonb)'::regprocedure;
  if v_known.prosecdef then
    alter function :OWN.add_plain_jobs(jsonb, integer[], json)
      security definer set search_path = pg_catalog, pg_temp;
  end if;
  if v_known.proacl is not null then
    revoke execute on function :OWN.add_plain_jobs(jsonb, integer[], json) from public;
    for v_grantee in select grantee from aclexplode(v_known.proacl)
      where privilege_type = 'EXECUTE'
    loop
      execute format('grant execute on function :OWN.add_plain_jobs(jsonb, integer[], json) to %s',
        case when v_grantee = 0 then 'public' else v_grantee::regrole::text end);
    end loop;
  end if;
end;
$do$;
