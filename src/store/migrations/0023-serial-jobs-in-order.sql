-- Serial jobs in the order in which all jobs start, whatever their queues are: the first few of
-- them nearly always hold the heads that a fetch wants, so that it need not visit every queue.
-- Jobs without a queue are not in it.
create index taskrun_serial_jobs_in_order
  on :QUEUE._private_jobs (priority, run_at, id)
  where is_available = true and job_queue_id is not null;
