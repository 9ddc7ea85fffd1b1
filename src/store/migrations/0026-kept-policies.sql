-- A cancelled job that is retried keeps its own retries and timeout. :OWN is our schema.
--
--   keep_policies   puts them into the record when a job's details are removed
--   add_again       takes them back out of it
--
-- By a trigger, so that it holds whoever ends the job: functions here, statements of the processes,
-- those of the version before included. What has no policies of its own pays nothing for it.

alter table :OWN.history
  -- As in job_details.
  add column retry jsonb,
  add column timeout_ms double precision;

-- Completed jobs aren't run again, and failed ones keep their details.
create function :OWN.keep_policies() returns trigger language plpgsql as $$
begin
  update :OWN.history h set retry = old.retry, timeout_ms = old.timeout_ms
    where h.job_id = old.job_id and h.state = 'cancelled';
  return null;
end;
$$;

create trigger keep_policies after delete on :OWN.job_details for each row
  when (old.retry is not null or old.timeout_ms is not null)
  execute function :OWN.keep_policies();

-- As in 0007, with its policies.
create or replace function :OWN.add_again(past :OWN.history) returns boolean language plpgsql as $$
begin
  insert into :QUEUE._private_tasks (identifier) select past.task
    where not exists (select from :QUEUE._private_tasks t where t.identifier = past.task)
    on conflict do nothing;
  insert into :QUEUE._private_job_queues (queue_name) select past.queue
    where past.queue is not null and not exists (
      select from :QUEUE._private_job_queues q where q.queue_name = past.queue)
    on conflict do nothing;
  insert into :QUEUE._private_jobs (id, job_queue_id, task_id, payload, priority, max_attempts,
    last_error, created_at, key) overriding system value
  select past.job_id, q.id, t.id, coalesce(past.payload, '{}'), past.priority,
    past.max_attempts, coalesce(past.error, past.state), past.created_at, past.key
  from :QUEUE._private_tasks t
  left join :QUEUE._private_job_queues q on q.queue_name = past.queue
  where t.identifier = past.task
  on conflict do nothing;
  if not found then
    return false;
  end if;
  if coalesce(past.correlation_id, past.created_by, past.parent_id::text, past.metadata::text,
    past.retry::text, past.timeout_ms::text) is not null then
    insert into :OWN.job_details (job_id, correlation_id, created_by, parent_id, metadata, retry,
      timeout_ms)
    values (past.job_id, past.correlation_id, past.created_by, past.parent_id, past.metadata,
      past.retry, past.timeout_ms)
    on conflict (job_id) do nothing;
  end if;
  return true;
end;
$$;
