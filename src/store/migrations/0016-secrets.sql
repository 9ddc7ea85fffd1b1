-- Secrets in payloads, outputs and metadata are masked in all that is kept and shown. :QUEUE is
-- graphile-worker's schema, :OWN is ours.
--
--   tasks.secrets   where a task's secrets are: {"payload": [["list", "*", "token"]], "output": []}
--   history.masked  a record that lacks secrets, so that its job can't be made of it again
--   steps.secret    a result that nobody but the job itself may see, and only until it ends
--
--   mask_at         one value, one path
--   mask_records    the records of jobs that have just ended, in the transaction that ends them
--   mask_ended      the same by what the tasks have published: where SQL alone ends a job
--
-- The steps of a path are those of core/secret-path. The queue's own row keeps the real payload,
-- which the job needs; `jobs` shows it masked.

alter table :OWN.tasks add column secrets jsonb;
alter table :OWN.history add column masked boolean;
alter table :OWN.steps add column secret boolean not null default false;

create function :OWN.mask_at(value jsonb, path text[]) returns jsonb
language plpgsql immutable as $$
declare
  v_step constant text := path[1];
  v_rest constant text[] := path[2:];
begin
  if v_step is null then
    return case when value = 'null' then value else '"[secret]"'::jsonb end;
  end if;
  if v_step = '**' then
    value := :OWN.mask_at(value, v_rest);
    return case jsonb_typeof(value)
      when 'array' then coalesce((select jsonb_agg(:OWN.mask_at(entry, path) order by place)
        from jsonb_array_elements(value) with ordinality as e (entry, place)), '[]')
      when 'object' then coalesce((select jsonb_object_agg(key, :OWN.mask_at(entry, path))
        from jsonb_each(value) as e (key, entry)), '{}')
      else value end;
  end if;
  case jsonb_typeof(value)
    when 'array' then
      return coalesce((select jsonb_agg(case
          when v_step = '*' or v_step = (place - 1)::text then :OWN.mask_at(entry, v_rest)
          when v_step !~ '^[0-9]+$' then :OWN.mask_at(entry, path)
          else entry end order by place)
        from jsonb_array_elements(value) with ordinality as e (entry, place)), '[]');
    when 'object' then
      if v_step = '*' then
        return coalesce((select jsonb_object_agg(key, :OWN.mask_at(entry, v_rest))
          from jsonb_each(value) as e (key, entry)), '{}');
      elsif value ? v_step then
        return jsonb_set(value, array[v_step], :OWN.mask_at(value -> v_step, v_rest));
      end if;
    else null;
  end case;
  return value;
end;
$$;

comment on function :OWN.mask_at is 'The value with "[secret]" wherever the path leads.';

-- Paths as in tasks.secrets; null = none. What can't be looked through is masked as a whole.
create function :OWN.mask_value(value jsonb, paths jsonb) returns jsonb
language plpgsql immutable as $$
declare
  v_path jsonb;
begin
  if value is null or paths is null then return value; end if;
  for v_path in select * from jsonb_array_elements(paths) loop
    value := :OWN.mask_at(value, array(select jsonb_array_elements_text(v_path)));
  end loop;
  return value;
exception when others then
  return '"[secret]"';
end;
$$;

create function :OWN.mask_json(value json, paths jsonb) returns jsonb
language plpgsql immutable as $$
begin
  return :OWN.mask_value(value::jsonb, paths);
-- json takes escapes that jsonb refuses.
exception when others then
  return '"[secret]"';
end;
$$;

create function :OWN.mask_records(ids bigint[], paths jsonb) returns void language sql as $$
  update :OWN.history h set payload = m.payload, metadata = m.metadata,
    masked = nullif(strpos(m.payload::text, '[secret]') > 0
      or coalesce(strpos(m.metadata::text, '[secret]') > 0, false), false)
  from (
    select r.job_id, :OWN.mask_json(r.payload, paths)::json as payload,
      :OWN.mask_value(r.metadata, paths) as metadata
    from :OWN.history r where r.job_id = any (ids)
  ) as m
  where h.job_id = m.job_id
    and strpos(m.payload::text || coalesce(m.metadata::text, ''), '[secret]') > 0;
$$;

create function :OWN.forget_secret_steps(ids bigint[]) returns void language sql as $$
  update :OWN.steps s set result = '"[secret]"' where s.job_id = any (ids) and s.secret
    -- A failed job that is retried still needs it.
    and not exists (select from :QUEUE._private_jobs j where j.id = s.job_id);
$$;

create function :OWN.mask_ended(ids bigint[]) returns void language plpgsql as $$
declare
  v_paths jsonb;
  v_ids bigint[];
begin
  if ids is null then return; end if;
  perform :OWN.forget_secret_steps(ids);
  for v_paths, v_ids in
    select t.secrets -> 'payload', array_agg(h.job_id)
    from :OWN.history h join :OWN.tasks t on t.name = h.task
    where h.job_id = any (ids) and t.secrets is not null group by 1
  loop
    perform :OWN.mask_records(v_ids, v_paths);
  end loop;
end;
$$;

comment on function :OWN.mask_ended is
  'Masks the secrets in records of these jobs, by what their tasks have published.';

-- As in 0007, and masks what it records.
create or replace function :OWN.end_cancelled(id bigint, note text) returns void
language plpgsql as $$
declare
  v_id constant bigint := end_cancelled.id;
  v_note constant text := end_cancelled.note;
  v_job :QUEUE._private_jobs;
begin
  delete from :QUEUE._private_jobs j where j.id = v_id returning j.* into v_job;
  with details as (
    delete from :OWN.job_details d where d.job_id = v_id returning d.*
  )
  insert into :OWN.history (job_id, task, state, payload, error, metadata, progress, attempts,
    max_attempts, priority, queue, key, created_at, run_at, finished_at, correlation_id,
    created_by, parent_id)
  select v_id, t.identifier, 'cancelled', v_job.payload, v_note, d.metadata, d.progress,
    v_job.attempts, v_job.max_attempts, v_job.priority, q.queue_name, v_job.key,
    v_job.created_at,
    case when v_job.run_at = 'infinity' then coalesce(d.blocked_run_at, v_job.created_at)
      else v_job.run_at end,
    now(), d.correlation_id, d.created_by, d.parent_id
  from :QUEUE._private_tasks t
  left join :QUEUE._private_job_queues q on q.id = v_job.job_queue_id
  left join details d on true
  where t.id = v_job.task_id
  on conflict (job_id) do update set state = excluded.state, output = null,
    error = excluded.error, metadata = excluded.metadata, progress = excluded.progress,
    attempts = excluded.attempts, run_at = excluded.run_at, started_at = null,
    finished_at = excluded.finished_at, process = null;
  perform :OWN.mask_ended(array[v_id]);
  if exists (select from :QUEUE._private_tasks t join :OWN.tasks known on known.name = t.identifier
    where t.id = v_job.task_id and known.retain_cancelled_ms = 0) then
    perform :OWN.forget_traces(array[v_id], array[v_job.task_id], array['cancelled'],
      array[v_note], array[v_job.attempts::integer]);
  end if;
  delete from :OWN.cancellations c where c.job_id = v_id;
  delete from :OWN.dependencies d where d.job_id = v_id;
  if exists (select from :OWN.dependencies d where d.parent_id = v_id) then
    perform :OWN.resolve_dependents(array[v_id], 'cancelled');
  end if;
end;
$$;

-- As in 0010, and masks what it records.
create or replace function :OWN.end_blocked(ids bigint[], states text[], errors text[])
returns table (id bigint, state text) language plpgsql as $$
#variable_conflict use_column
begin
  return query
  with hit as materialized (
    select j.*, t.identifier as task, q.queue_name, end_as.state, end_as.error, d.metadata,
      d.progress, d.correlation_id, d.created_by, d.parent_id, d.blocked_run_at
    from unnest(ids, states, errors) as end_as (id, state, error)
    join :QUEUE._private_jobs j on j.id = end_as.id
    join :QUEUE._private_tasks t on t.id = j.task_id
    join :OWN.job_details d on d.job_id = j.id
    left join :QUEUE._private_job_queues q on q.id = j.job_queue_id
    where d.blocked_run_at is not null and j.run_at = 'infinity' and j.locked_at is null
      and j.attempts < j.max_attempts
  ),
  removed as (
    delete from :QUEUE._private_jobs j using hit where j.id = hit.id and hit.state = 'cancelled'
  ),
  kept as (
    update :QUEUE._private_jobs j set attempts = j.max_attempts, last_error = hit.error,
      run_at = hit.blocked_run_at, updated_at = now()
    from hit where j.id = hit.id and hit.state = 'failed'
  ),
  details as (
    delete from :OWN.job_details d using hit where d.job_id = hit.id and hit.state = 'cancelled'
  ),
  unblocked as (
    update :OWN.job_details d set blocked_run_at = null
    from hit where d.job_id = hit.id and hit.state = 'failed'
  ),
  recorded as (
    insert into :OWN.history (job_id, task, state, payload, error, metadata, progress, attempts,
      max_attempts, priority, queue, key, created_at, run_at, finished_at, correlation_id,
      created_by, parent_id)
    select hit.id, hit.task, hit.state, hit.payload, hit.error, hit.metadata, hit.progress,
      hit.attempts, hit.max_attempts, hit.priority, hit.queue_name, hit.key, hit.created_at,
      hit.blocked_run_at, now(), hit.correlation_id, hit.created_by, hit.parent_id
    from hit
    on conflict (job_id) do update set state = excluded.state, payload = excluded.payload,
      output = null, error = excluded.error, metadata = excluded.metadata,
      progress = excluded.progress, attempts = excluded.attempts, run_at = excluded.run_at,
      started_at = null, finished_at = excluded.finished_at, process = null
  )
  select hit.id, hit.state from hit;
  perform :OWN.mask_ended(ids);
end;
$$;

-- As in 0007, but makes no job of a record that lacks its secrets.
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
  delete from :OWN.history h where h.job_id = v_id;
  delete from :OWN.cancellations c where c.job_id = v_id;
  perform :OWN.notify_due();
  return 'due';
end;
$$;

create or replace function :OWN.retry_job(id bigint) returns bigint language plpgsql as $$
declare
  v_id constant bigint := retry_job.id;
  v_state constant text := :OWN.try_retry(v_id);
begin
  if v_state is null then
    perform :OWN.refuse_unknown_job(v_id);
  elsif v_state = 'key taken' then
    raise exception 'job % can''t be retried: job % has its key now', v_id,
      (select j.id from :QUEUE._private_jobs j
        join :OWN.history h on h.job_id = v_id and h.key = j.key)
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Cancel that job first, or let it do the work.';
  elsif v_state = 'completed' then
    raise exception 'job % has completed', v_id
      using errcode = 'object_not_in_prerequisite_state', hint = 'Add it again to run it again.';
  elsif v_state = 'secrets gone' then
    raise exception 'job % can''t be retried: its secrets were not kept', v_id
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Add it again with its whole payload.';
  elsif v_state <> 'due' then
    raise exception 'job % is %: there is nothing to retry', v_id, v_state
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Failed and cancelled jobs can be retried; run_now runs a waiting one at once.';
  end if;
  return v_id;
end;
$$;

-- As in 0006, but says nothing of the values where there are secrets among them.
create or replace function :OWN.payload_issues(task text, payload jsonb)
returns table (path text, message text) language plpgsql stable as $$
declare
  v_schema jsonb;
  v_secrets jsonb;
  v_issues :OWN.payload_issue[];
begin
  select t.payload_schema, t.secrets into v_schema, v_secrets
    from :OWN.tasks t where t.name = payload_issues.task;
  if v_schema is null then return; end if;
  begin
    v_issues := :OWN.schema_issues(coalesce(payload, '{}'), v_schema, v_schema, '$', 0);
  -- A schema that is none, or too much for us, is no reason to refuse a job.
  exception when others then
    return;
  end;
  -- What it got may be a secret, or a part of one: then only what was expected is said.
  return query select issue.path, case when v_secrets is null then issue.message else
      regexp_replace(regexp_replace(issue.message, '^.* is not allowed here$',
        'what is given is not allowed here'), ',? got .*$', '') end
    from unnest(v_issues) with ordinality as issue (path, message, kind, place)
    group by 1, 2 order by min(issue.place);
end;
$$;

-- As in 0004, with secrets masked; also in records of a time when nobody had marked them.
create or replace view :OWN.jobs as
select
  j.id,
  t.identifier as task,
  case
    when j.locked_at is not null then 'running'
    when j.attempts >= j.max_attempts then 'failed'
    when d.blocked_run_at is not null and j.run_at = 'infinity' then 'blocked'
    when j.attempts > 0 and j.last_error is not null or d.ending is not null then 'retrying'
    when j.run_at > now() then 'scheduled'
    else 'pending'
  end as state,
  j.priority::integer as priority,
  q.queue_name as queue,
  j.key,
  case when j.attempts >= j.max_attempts and j.locked_at is null
    then coalesce(h.attempts, j.attempts) else j.attempts end as attempts,
  j.max_attempts::integer as max_attempts,
  case when known.secrets is not null
      then :OWN.mask_json(j.payload, known.secrets -> 'payload')
    when j.payload::text like '%\\u%' then :OWN.as_jsonb(j.payload)
    else j.payload::jsonb end as payload,
  null::jsonb as output,
  case when known.secrets is null then d.metadata
    else :OWN.mask_value(d.metadata, known.secrets -> 'payload') end as metadata,
  j.last_error as error,
  j.created_at,
  case when j.run_at = 'infinity' then coalesce(d.blocked_run_at, j.run_at)
    else j.run_at end as run_at,
  coalesce(j.locked_at, h.started_at) as started_at,
  h.finished_at,
  d.correlation_id,
  d.created_by,
  d.parent_id,
  coalesce(j.locked_by, h.process) as process,
  d.progress,
  extract(epoch from h.finished_at - h.started_at)::double precision * 1000 as duration_ms
from :QUEUE._private_jobs j
join :QUEUE._private_tasks t on t.id = j.task_id
left join :QUEUE._private_job_queues q on q.id = j.job_queue_id
left join :OWN.job_details d on d.job_id = j.id
left join :OWN.tasks known on known.name = t.identifier
-- Only while the queue still holds the job as failed: a retried one is live again.
left join :OWN.history h
  on h.job_id = j.id and j.attempts >= j.max_attempts and j.locked_at is null
union all
select
  h.job_id, h.task, h.state, h.priority, h.queue, h.key, h.attempts, h.max_attempts,
  case when known.secrets is not null
      then :OWN.mask_json(h.payload, known.secrets -> 'payload')
    when h.payload::text like '%\\u%' then :OWN.as_jsonb(h.payload) else h.payload::jsonb end,
  case when known.secrets is not null
      then :OWN.mask_json(h.output, known.secrets -> 'output')
    when h.output::text like '%\\u%' then :OWN.as_jsonb(h.output) else h.output::jsonb end,
  case when known.secrets is null then h.metadata
    else :OWN.mask_value(h.metadata, known.secrets -> 'payload') end,
  h.error, h.created_at, h.run_at,
  h.started_at, h.finished_at, h.correlation_id, h.created_by, h.parent_id, h.process,
  h.progress,
  extract(epoch from h.finished_at - h.started_at)::double precision * 1000
from :OWN.history h
left join :OWN.tasks known on known.name = h.task
where not exists (select 1 from :QUEUE._private_jobs j where j.id = h.job_id);
