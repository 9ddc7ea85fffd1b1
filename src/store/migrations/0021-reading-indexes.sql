-- Indexes for lists: each in the order of the ids, so that a page of the newest is read along it.
-- :QUEUE is graphile-worker's schema, :OWN is ours. None of them costs a job anything that has no
-- serial queue and no correlation id, and doesn't fail.

create index history_of_a_queue on :OWN.history (queue, job_id) where queue is not null;

-- Without the id, all jobs of a correlation would have to be sorted.
create index history_of_a_correlation_by_id on :OWN.history (correlation_id, job_id)
  where correlation_id is not null;
drop index :OWN.history_of_a_correlation;

-- Failed jobs stay in the queue, where no other index has them.
create index taskrun_failed_jobs on :QUEUE._private_jobs (id)
  where locked_at is null and attempts >= max_attempts;
