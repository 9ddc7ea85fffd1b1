
-- Adding by graphile-worker's own functions. They return the job's row: who knows the key of a
-- waiting job can read its payload, when both are arrays or with the mode unsafe_dedupe.
grant usage on schema :QUEUE to :ENQUEUER;
do $do$
declare
  v_function regprocedure;
begin
  for v_function in
    select oid from pg_proc where pronamespace = to_regnamespace(:QUEUE_TEXT)
      and proname in ('add_job', 'add_jobs')
  loop
    execute format('alter function %s security definer set search_path = pg_catalog, pg_temp',
      v_function);
    execute format('revoke execute on function %s from public', v_function);
    execute format('grant execute on function %s to %I', v_function, :ENQUEUER_TEXT);
  end loop;
end;
$do$;
