-- Large fetches of several processes take turns. :QUEUE is graphile-worker's schema, :OWN is ours.
--
-- Processes that work off the same long queue all want the jobs that stand in front. A statement
-- sees the queue as it was when it began: of what others have taken since, it tries to lock each
-- job, and where that was committed in the meantime it looks up the new row as well, only to
-- leave it. With eight processes that was six failed locks for each job, and a third of all the
-- server's work. So they wait for each other here, and look when it is their turn: a function that
-- may write sees what is there when each of its statements begins. What is due by then is told by
-- the clock, since now() is the time at which the waiting began.
--
-- The lock is held until the commit, since before it the others would still see the jobs as free.
-- Whoever has waited for a second goes on without it: somebody may be stopped in the middle.

create function :OWN.fetch_in_turn(p_process text, p_tasks integer[], p_limit integer,
  p_priority smallint, p_run_at double precision, p_id bigint)
returns table (id bigint, task_id integer, payload json, attempts smallint, max_attempts smallint,
  priority smallint, run_at double precision, created_at double precision, last_error text,
  key text, queue_name text, revision integer, flags jsonb, details json, place tid,
  serial_jobs_wait boolean)
language plpgsql set lock_timeout = '1s' as $$
#variable_conflict use_column
declare
  v_now timestamptz;
begin
  begin
    perform pg_advisory_xact_lock(hashtext(:CONTROL), 12);
  exception when lock_not_available then
    null;
  end;
  v_now := clock_timestamp();
  -- What store/queue/fetch.ts sends when there is nobody to wait for; the columns are QueueRow's.
  return query
    update :QUEUE._private_jobs jobs
    set attempts = jobs.attempts + 1, locked_by = p_process, locked_at = v_now
    where jobs.ctid = any (array(
      select ctid from :QUEUE._private_jobs
      where is_available = true and job_queue_id is null
        and run_at <= v_now and (task_id in (select unnest(p_tasks))) is true
        and (priority, run_at, id) > (p_priority, to_timestamp(p_run_at), p_id)
      order by priority, run_at, id
      limit p_limit
      for update skip locked))
    returning jobs.id, jobs.task_id, jobs.payload, jobs.attempts,
      nullif(jobs.max_attempts, 25::smallint), nullif(jobs.priority, 0::smallint),
      date_part('epoch', jobs.run_at), date_part('epoch', nullif(jobs.created_at, jobs.run_at)),
      jobs.last_error, jobs.key, null::text, nullif(jobs.revision, 0), jobs.flags,
      case when (select exists (select 1 from :OWN.job_details)) then (
        select json_build_object('correlation_id', d.correlation_id, 'created_by', d.created_by,
          'parent_id', d.parent_id::text, 'metadata', d.metadata, 'retry', d.retry,
          'timeout_ms', d.timeout_ms, 'ending', d.ending, 'suspect', d.suspect,
          'crashes', d.crashes)
        from :OWN.job_details d where d.job_id = jobs.id) end,
      jobs.ctid,
      (select exists (select 1 from :QUEUE._private_jobs
        where is_available = true and job_queue_id is not null));
end;
$$;
