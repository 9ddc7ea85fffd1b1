/**
 * A database as it is after busy days: a long history, failed jobs that wait to be retried, a deep
 * queue. Made by a few large statements; the same for the same numbers.
 */

import type pg from "pg";

export interface SeedSize {
  /** Records; 2 % of them failed, 2 % cancelled, spread over a day. */
  readonly history: number;
  /** Jobs that have not ended, besides the failed ones. */
  readonly queued: number;
}

/** Returns how many seconds it took. */
export async function seedHistory(admin: pg.Pool, size: SeedSize): Promise<string> {
  const begun = performance.now();
  await seedTasks(admin);
  await seedRecords(admin, size);
  await seedFailures(admin);
  await seedQueue(admin, size);
  return ((performance.now() - begun) / 1000).toFixed(0);
}

/** 20 tasks of falling frequency, and one that hardly ever has a job. */
async function seedTasks(admin: pg.Pool): Promise<void> {
  await admin.query(
    `insert into graphile_worker._private_tasks (identifier)
     select 'task-' || n from generate_series(1, 20) n union all values ('rare')`,
  );
  await admin.query(
    `insert into graphile_worker._private_job_queues (queue_name)
     select 'serial-' || n from generate_series(1, 20) n`,
  );
  await admin.query(
    `insert into taskrun.tasks (name, task, payload_schema)
     select identifier, identifier, '{"type":"object"}' from graphile_worker._private_tasks`,
  );
  await admin.query(
    `insert into taskrun.processes (id, host, pid, version, tasks)
     select 'p' || n, 'host', n, '1', array(select name from taskrun.tasks)
     from generate_series(1, 3) n`,
  );
}

async function seedRecords(admin: pg.Pool, { history }: SeedSize): Promise<void> {
  await admin.query(
    `insert into taskrun.history (job_id, task, state, payload, output, error, attempts,
       max_attempts, priority, queue, created_at, run_at, started_at, finished_at, correlation_id,
       process)
     select n, case when n % 20000 = 77 then 'rare'
         else 'task-' || 1 + floor(20 * pow((hashint8(n) & 1023) / 1024.0, 2))::int end,
       case n % 50 when 7 then 'failed' when 8 then 'cancelled' else 'completed' end,
       json_build_object('n', n, 'kind', chr(97 + (n % 7)::int), 'to', 'a' || n || '@example.com',
         'text', repeat('x', 60)),
       case when n % 50 not in (7, 8) then json_build_object('messageId', md5(n::text)) end,
       case n % 50 when 7 then 'refused by host ' || n % 40 when 8 then 'not wanted' end,
       1, 3, 0, case when n % 100 = 3 then 'serial-' || 1 + n % 20 end, t - interval '2 s',
       t - interval '2 s', t - (20 + n % 400) * interval '1 ms', t,
       case when n % 200 = 5 then 'order-' || n % 10000 end, 'p1'
     from (select n, now() - interval '24 h' * (1 - n / $1::float8) as t
       from generate_series(1, $1::bigint) n) as made`,
    [history],
  );
}

/** Failed jobs are in the queue as well, and have an attempt with its stack. */
async function seedFailures(admin: pg.Pool): Promise<void> {
  await admin.query(
    `insert into taskrun.attempts (job_id, attempt, state, error_name, error_message, error_stack,
       rule, started_at, finished_at, process)
     select job_id, 1, 'failed', 'Error', error, 'Error: ' || error
         || repeat(e'\\n    at call (file:///app/node_modules/mailer/lib/index.js:10:20)', 12)
         || e'\\n    at handler (file:///app/tasks/' || task || '.ts:12:9)',
       'default', started_at, finished_at, process
     from taskrun.history where state = 'failed'`,
  );
  await admin.query(
    `insert into graphile_worker._private_jobs (id, task_id, payload, attempts, max_attempts,
       last_error, run_at, created_at, updated_at) overriding system value
     select h.job_id, t.id, h.payload, 3, 3, h.error, h.run_at, h.created_at, h.finished_at
     from taskrun.history h join graphile_worker._private_tasks t on t.identifier = h.task
     where h.state = 'failed'`,
  );
}

/** Most are due, a third comes later, some are retried, run or wait for others. */
async function seedQueue(admin: pg.Pool, { history, queued }: SeedSize): Promise<void> {
  await admin.query(
    `insert into graphile_worker._private_jobs (id, task_id, job_queue_id, payload, attempts,
       max_attempts, last_error, run_at, created_at, locked_at, locked_by) overriding system value
     select $1 + n, t.id, q.id, json_build_object('n', $1 + n, 'kind', chr(97 + (n % 7)::int)),
       (n % 20 = 1 or n % 1000 = 2)::int, 25, case when n % 20 = 1 then 'refused' end,
       case when n % 500 = 4 then 'infinity' when n % 3 = 0 then now() + n % 900 * interval '1 min'
         else now() - n % 600 * interval '1 s' end,
       now() - interval '20 min', case when n % 1000 = 2 then now() - interval '3 s' end,
       case when n % 1000 = 2 then 'p' || 1 + n % 3 end
     from generate_series(1, $2::bigint) n
     join graphile_worker._private_tasks t
       on t.identifier = 'task-' || 1 + floor(20 * pow((hashint8(n) & 1023) / 1024.0, 2))::int
     left join graphile_worker._private_job_queues q
       on n % 50 = 10 and q.queue_name = 'serial-' || 1 + n % 20`,
    [history, queued],
  );
  await admin.query(
    `insert into taskrun.job_details (job_id, correlation_id, blocked_run_at)
     select id, 'order-' || id % 10000, case when run_at = 'infinity' then now() end
     from graphile_worker._private_jobs where run_at = 'infinity' or id > $1 and id % 20 = 5`,
    [history],
  );
  await admin.query(
    `insert into taskrun.dependencies (job_id, parent_id)
     select id, $1 + 3 from graphile_worker._private_jobs where run_at = 'infinity'`,
    [history],
  );
  await admin.query(
    `select setval(pg_get_serial_sequence('graphile_worker._private_jobs', 'id'), $1::bigint)`,
    [history + queued + 1],
  );
}
