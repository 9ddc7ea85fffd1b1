-- Jobs without a serial queue in the order in which they start, their ids included: so that a fetch
-- can go on exactly where the last one ended. Jobs added together share a run_at, and what has left
-- the queue stands in graphile-worker's own index until a vacuum.
create index taskrun_jobs_in_order on :QUEUE._private_jobs (priority, run_at, id)
  where is_available = true and job_queue_id is null;
