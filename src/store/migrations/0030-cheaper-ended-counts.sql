-- Counts what has ended at a sixth of the cost: every job pays for it. :OWN is our schema.
--
-- Each record became three rows (its state, its wait, its run) before they were added up, and each
-- of them was told its minute with a time zone. Now records that have all of it in common are
-- counted first, and only those few are taken apart. Durations come as floating point, by
-- date_part: extract makes a numeric of them.

create or replace function :OWN.add_ended_counts(v_from timestamptz, v_to timestamptz)
returns bigint
language sql as $$
  with alike as materialized (
    select h.task, floor(date_part('epoch', h.finished_at) / 60) as minute, h.state,
      :OWN.duration_bucket(date_part('epoch', h.started_at - h.run_at) * 1000) as wait,
      :OWN.duration_bucket(date_part('epoch', h.finished_at - h.started_at) * 1000) as run,
      count(*) as count
    from :OWN.history h
    where h.finished_at > v_from and h.finished_at <= v_to
    group by 1, 2, 3, 4, 5
  ),
  one as (
    select alike.task, to_timestamp(alike.minute * 60) as minute, said.kind, said.bucket,
      alike.count
    from alike cross join lateral (values
      (alike.state, 0::smallint), ('wait', alike.wait), ('run', alike.run)) as said (kind, bucket)
    where said.bucket is not null
  ),
  added as (
    insert into :OWN.ended_counts as c (span, at, task, kind, bucket, count)
    select s.span, s.at, s.task, one.kind, one.bucket, sum(one.count)
    from one cross join lateral (values
      ('minute', one.minute, ''),
      ('task part', :OWN.part_of_hour(one.minute), one.task),
      ('hour', date_trunc('hour', one.minute, 'UTC'), ''),
      ('task hour', date_trunc('hour', one.minute, 'UTC'), one.task)
    ) as s (span, at, task)
    group by 1, 2, 3, 4, 5
    on conflict (span, at, task, kind, bucket) do update set count = c.count + excluded.count
  )
  select coalesce(sum(alike.count), 0)::bigint from alike
$$;
