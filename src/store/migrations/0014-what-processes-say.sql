-- What running processes say of themselves and of their tasks, for people who look; and lines
-- of the crontab that somebody holds back. :OWN is our schema.

-- Where a task is written, its version and its policies with who set them.
alter table :OWN.tasks add column details jsonb;

alter table :OWN.processes
  -- How many attempts it runs at once.
  add column concurrency integer,
  -- The longest that its event loop kept a timer waiting since the beat before.
  add column loop_lag_ms integer,
  add column rss_bytes bigint,
  -- Files that it could not load as tasks, each with place, reason and fix.
  add column load_failures jsonb not null default '[]';

-- The job that the last tick, or somebody by hand, has queued.
alter table :OWN.cron_items add column last_job_id bigint;

-- A tick of a line that is in here is noted and queues nothing, in whichever process.
create table :OWN.cron_pauses (
  identifier text primary key,
  paused_by text,
  reason text,
  paused_at timestamptz not null default now()
);
