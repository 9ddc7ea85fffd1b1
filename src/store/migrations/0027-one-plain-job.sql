-- One plain job by a way of its own. :QUEUE is graphile-worker's schema, :OWN is ours.
--
-- Most jobs are added one at a time, each awaited, and most of those are nothing but their row.
-- What add_plain_jobs does for many at once, making arrays of what their kinds say and joining them
-- with the payloads, costs one job a third of all its work. The rest of the function is as it was.

create or replace function :OWN.add_plain_jobs(kinds jsonb, kind_of integer[], payloads json)
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
  v_id bigint;
  v_kind jsonb;
begin
  -- One job that is nothing but its row: most of what applications add, each awaited.
  if kind_of = '{1}' then
    v_kind := kinds -> 0;
    if v_kind - array['task', 'max_attempts', 'priority'] = '{"validate": false}' then
      insert into :QUEUE._private_jobs (task_id, payload, max_attempts, priority)
        select t.id, payloads -> 0, coalesce((v_kind ->> 'max_attempts')::smallint, 25::smallint),
          coalesce((v_kind ->> 'priority')::smallint, 0::smallint)
        from :QUEUE._private_tasks t where t.identifier = v_kind ->> 'task'
        returning id into v_id;
      if found then
        perform pg_notify('jobs:insert', '{"r":' || random()::text || ',"count":1}');
        return array[v_id];
      end if;
    end if;
  end if;

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
