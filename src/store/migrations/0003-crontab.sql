-- What the crontab has done. :OWN is our schema.
--
--   cron_items  one row per identifier: since when it is known, and its last tick
--   cron_ticks  one row per identifier and minute: whoever inserts it queues the job, so that
--               each tick is queued once, however many processes tick; kept for a week

create table :OWN.cron_items (
  identifier text primary key,
  -- Ticks before that were not missed: nobody had asked for them.
  known_since timestamptz not null,
  last_tick timestamptz
);

create table :OWN.cron_ticks (
  identifier text not null,
  tick timestamptz not null,
  primary key (identifier, tick)
);
create index cron_ticks_by_time on :OWN.cron_ticks (tick);
