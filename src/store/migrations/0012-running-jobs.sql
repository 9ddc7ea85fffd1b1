-- Who runs what, so that a crash is charged to the jobs that were being run. :OWN is our schema.

alter table :OWN.processes
  -- The jobs that its handlers are at, as its heartbeat last saw them; not those taken ahead.
  add column running bigint[] not null default '{}',
  -- Processes that have the same one can see each other's pid; null where that can't be told.
  add column pid_space text;

alter table :OWN.job_details
  -- How many processes have died while they ran this job.
  add column crashes integer not null default 0,
  -- It was in the hands of a process that died, perhaps not yet begun: the next process says
  -- that it begins before it does, so that the next crash can be charged rightly.
  add column suspect boolean not null default false;
