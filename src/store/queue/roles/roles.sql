-- Three roles for :QUEUE (the queue) and :OWN (taskrun's tables beside it).
--
--   :ENQUEUER  adds jobs with :OWN.add_job and add_jobs; reads nothing
--   :WORKER  what a running taskrun process needs; owns nothing, migrates nothing
--   :READER  reads jobs, history and statistics; changes nothing
--
-- They can't log in themselves. Make users that are members of them:
--
--   create role shop login password '…' in role :ENQUEUER;
--
-- Run this in the queue's database, as a superuser, or as the owner of both schemas with the
-- right to create roles (or once the roles are there). Run it again after `taskrun migrate`: it
-- changes only what is different, and takes from the three roles what isn't written here.

begin;
set local lock_timeout = '5s';
set local client_min_messages = warning;

do $do$
declare
  v_role text;
begin
  foreach v_role in array array[:ENQUEUER_TEXT, :WORKER_TEXT, :READER_TEXT] loop
    if not exists (select from pg_roles where rolname = v_role) then
      execute format('create role %I nologin', v_role);
    end if;
  end loop;
  -- add_job acts with the rights of its owner, who must see the queue's rows.
  if exists (select from pg_proc f join pg_class j on j.oid = to_regclass(:JOBS_TEXT)
    join pg_roles o on o.oid = f.proowner
    where f.oid = to_regprocedure(:ADD_JOB_TEXT)
      and f.proowner <> j.relowner and not o.rolsuper and not o.rolbypassrls) then
    raise exception 'the owner of % is not the owner of %', :ADD_JOB_TEXT, :JOBS_TEXT
      using hint = 'Give both schemas and all that is in them to one role, then run this again.';
  end if;
end;
$do$;

-- Only what follows.
revoke all on all tables in schema :OWN from :ENQUEUER, :WORKER, :READER;
revoke all on all tables in schema :QUEUE from :ENQUEUER, :WORKER, :READER;
revoke all on all functions in schema :OWN from :ENQUEUER, :WORKER, :READER;
revoke all on all functions in schema :QUEUE from :ENQUEUER, :WORKER, :READER;
revoke all on schema :OWN from :ENQUEUER, :WORKER, :READER;
revoke all on schema :QUEUE from :ENQUEUER, :WORKER, :READER;

-- Adding. These functions act with their owner's rights, so that whoever calls them needs none.
-- What looks after dependencies runs when the adding transaction commits, outside of them.
grant usage on schema :OWN to :ENQUEUER;
alter function :OWN.add_job(text, jsonb, jsonb)
  security definer set search_path = pg_catalog, pg_temp;
alter function :OWN.add_jobs(jsonb) security definer set search_path = pg_catalog, pg_temp;
alter function :OWN.add_plain_jobs(jsonb, integer[], json)
  security definer set search_path = pg_catalog, pg_temp;
alter function :OWN.check_new_dependency()
  security definer set search_path = pg_catalog, pg_temp;
revoke execute on function :OWN.add_job(text, jsonb, jsonb), :OWN.add_jobs(jsonb),
  :OWN.add_plain_jobs(jsonb, integer[], json), :OWN.check_new_dependency() from public;
grant execute on function :OWN.add_job(text, jsonb, jsonb), :OWN.add_jobs(jsonb),
  :OWN.add_plain_jobs(jsonb, integer[], json) to :ENQUEUER, :WORKER;
:GRAPHILE
-- Running.
grant usage on schema :OWN, :QUEUE to :WORKER;
grant select, insert, update, delete on all tables in schema :OWN to :WORKER;
grant select, insert, update, delete on all tables in schema :QUEUE to :WORKER;
revoke insert, update, delete on :OWN.migrations, :QUEUE.migrations from :WORKER;
grant execute on all functions in schema :QUEUE to :WORKER;

-- Reading. Not the tokens, sessions and accounts of the HTTP API, not even as hashes; and of jobs
-- that wait, payload and metadata only through the view, which masks what tasks mark as secret.
grant usage on schema :OWN, :QUEUE to :READER;
grant select on all tables in schema :OWN to :READER;
grant select on all tables in schema :QUEUE to :READER;
do $do$
declare
  v_table text;
  v_columns text;
begin
  foreach v_table in array array[:TOKENS_TEXT, :SESSIONS_TEXT, :ACCOUNTS_TEXT] loop
    continue when to_regclass(v_table) is null;
    execute format('revoke all on %s from %I', to_regclass(v_table), :READER_TEXT);
  end loop;
  foreach v_table in array array[:JOBS_TEXT, :DETAILS_TEXT] loop
    continue when to_regclass(v_table) is null;
    select string_agg(quote_ident(attname), ', ') into v_columns from pg_attribute
      where attrelid = to_regclass(v_table) and attnum > 0 and not attisdropped
        and attname not in ('payload', 'metadata');
    execute format('revoke select on %s from %I', to_regclass(v_table), :READER_TEXT);
    execute format('grant select (%s) on %s to %I', v_columns, to_regclass(v_table), :READER_TEXT);
  end loop;
end;
$do$;

-- The queue's tables show their rows only to their owner; a policy lets others see them as well.
do $do$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = to_regnamespace(:QUEUE_TEXT) and c.relkind in ('r', 'p')
      and c.relrowsecurity
  loop
    if not exists (select from pg_policy where polrelid = v_table and polname = :WORKER_TEXT) then
      execute format('create policy %I on %s to %I using (true) with check (true)',
        :WORKER_TEXT, v_table, :WORKER_TEXT);
    end if;
    if not exists (select from pg_policy where polrelid = v_table and polname = :READER_TEXT) then
      execute format('create policy %I on %s for select to %I using (true)',
        :READER_TEXT, v_table, :READER_TEXT);
    end if;
  end loop;
end;
$do$;

commit;
