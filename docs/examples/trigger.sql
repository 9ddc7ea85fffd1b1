-- A trigger that queues a mail for every new row of a table.
--
-- Run it as often as you like, once taskrun has been started on the database (which makes the
-- queue's tables):
--
--   psql "$(npx taskrun db url)" -f docs/examples/trigger.sql
--
-- Then:
--
--   insert into signups (email, name) values ('ada@example.com', 'Ada');
--
-- The job is part of the insert's transaction: no mail for an insert that is rolled back.

begin;

create table if not exists signups (
  id bigint generated always as identity primary key,
  email text not null,
  name text not null,
  created_at timestamptz not null default now()
);

-- Security definer: an application's role may insert without any right on the queue. The fixed
-- search path keeps that role from putting functions of its own in front of ours.
create or replace function queue_welcome_mail() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform graphile_worker.add_job(
    'send_email',
    pg_catalog.json_build_object(
      'to', new.email,
      'subject', 'Welcome',
      'body', pg_catalog.format('Hello %s, good to have you here.', new.name)
    ),
    -- One mail per signup, whatever else queues it again while it waits.
    job_key := 'welcome:' || new.id,
    -- A row of raw SQL keeps its own limit: graphile-worker's default would be 25.
    max_attempts := 3
  );
  return new;
end;
$$;

create or replace trigger welcome_new_signup
  after insert on signups
  for each row execute function queue_welcome_mail();

commit;
