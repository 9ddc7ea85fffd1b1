-- Which fault each failed job is one of, so that nobody reads all stacks to say it. :OWN is our
-- schema.
--
--   failures         one small row for each record of a failed job, by the fingerprint of its error
--   failures_named   up to when the records have been looked through for it
--
-- Fingerprints are made by taskrun's processes, a moment after the jobs failed, whichever version
-- wrote the record; so settling has no more to do, and what failed before this migration is named
-- in the background as well (store/queue/name-failures). A row goes with its record.

create table :OWN.failures (
  job_id bigint primary key,
  task text not null,
  fingerprint text not null,
  failed_at timestamptz not null
);
create index failures_by_time on :OWN.failures (failed_at, job_id);
create index failures_of_a_fault on :OWN.failures (fingerprint, job_id);

create table :OWN.failures_named (
  singleton boolean primary key default true check (singleton),
  until timestamptz not null default '-infinity'
);
insert into :OWN.failures_named default values;

-- Costs a job nothing that doesn't fail.
create index history_failures on :OWN.history (finished_at) where state = 'failed';

create function :OWN.forget_failure() returns trigger language plpgsql as $$
begin
  delete from :OWN.failures f where f.job_id = old.job_id;
  return null;
end;
$$;

-- Of failed jobs only: their records go when they are retried or have been kept long enough.
create trigger failed_record_gone after delete on :OWN.history
  for each row when (old.state = 'failed') execute function :OWN.forget_failure();
create trigger failed_record_replaced after update on :OWN.history
  for each row when (old.state = 'failed' and old.finished_at is distinct from new.finished_at)
  execute function :OWN.forget_failure();
