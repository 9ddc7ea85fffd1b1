/**
 * What may stand in a queue, or weigh on its database, beside the jobs that are to run. Each is
 * made in one go; several may be made together.
 */

import pg from "pg";
import { addJobs, type BenchDatabase } from "./database.ts";

export interface Crowd {
  /** As `--loads` takes it. */
  readonly key: string;
  /** As the table shows it. */
  readonly name: string;
  /** Makes it; may return what takes away what isn't in the queue. */
  readonly make: (database: BenchDatabase) => Promise<(() => Promise<void>) | void>;
}

export interface CrowdSizes {
  /** How many jobs, where the name doesn't say otherwise. */
  readonly jobs: number;
  readonly history: number;
}

export function crowds({ jobs, history }: CrowdSizes): Crowd[] {
  const many = jobs.toLocaleString("en");
  return [
    {
      key: "scheduled",
      name: `${many} scheduled`,
      make: ({ admin }) => addCrowd(admin, jobs, "scheduled", { runAt: "tomorrow" }),
    },
    {
      key: "scheduled-first",
      name: `${many} scheduled at a higher priority`,
      make: ({ admin }) =>
        addCrowd(admin, jobs, "scheduled first", { runAt: "tomorrow", priority: -10 }),
    },
    {
      key: "failed",
      name: `${many} failed for good`,
      make: ({ admin }) => addCrowd(admin, jobs, "failed", { attempts: 25, priority: -10 }),
    },
    {
      key: "foreign",
      name: `${many} ready, of a task nobody has`,
      make: ({ admin }) => addCrowd(admin, jobs, "nobody's", { priority: -10 }),
    },
    {
      key: "stuck",
      name: `${many} behind two busy serial queues`,
      make: ({ admin }) => addStuck(admin, jobs),
    },
    {
      key: "queues",
      name: "10,000 serial queues with a scheduled job each",
      make: ({ admin }) => addToQueues(admin, 10_000),
    },
    {
      key: "snapshot",
      name: "an old snapshot held open",
      make: ({ adminUrl }) => holdSnapshot(adminUrl),
    },
    {
      key: "history",
      name: `${history.toLocaleString("en")} records of history`,
      make: ({ admin }) => addHistory(admin, history),
    },
  ];
}

interface CrowdJob {
  /** Default: now. */
  readonly runAt?: "tomorrow";
  /** Default: 0. */
  readonly priority?: number;
  /** Default: 0; 25 are all that a job has. */
  readonly attempts?: number;
}

/** Each crowd has a task of its own, which no side has. */
async function addCrowd(
  admin: pg.Pool,
  count: number,
  task: string,
  { runAt, priority = 0, attempts = 0 }: CrowdJob,
): Promise<void> {
  await admin.query(
    "insert into graphile_worker._private_tasks (identifier) values ($1) on conflict do nothing",
    [task],
  );
  await admin.query(
    `insert into graphile_worker._private_jobs (task_id, payload, priority, attempts, run_at,
       last_error)
     select t.id, '{}', $3::int, $4::int, now() + $5::int * interval '1 day',
       case when $4::int > 0 then 'no' end
     from graphile_worker._private_tasks t, generate_series(1, $2::int)
     where t.identifier = $1`,
    [task, count, priority, attempts, runAt === "tomorrow" ? 1 : 0],
  );
}

/** Jobs of a task that the sides have, in queues that somebody else holds. */
async function addStuck(admin: pg.Pool, count: number): Promise<void> {
  for (const queue of ["busy 1", "busy 2"]) {
    await addJobs(admin, { task: "bench-0", count: count / 2, queue, priority: -10 });
  }
  await admin.query(`update graphile_worker._private_job_queues
    set locked_at = now(), locked_by = 'somebody else' where queue_name like 'busy %'`);
}

async function addToQueues(admin: pg.Pool, count: number): Promise<void> {
  await admin.query(
    `select count(*) from graphile_worker.add_jobs((
       select array_agg(row('bench-0', '{}'::json, 'scheduled ' || n, now() + interval '1 day',
         null, null, null, null)::graphile_worker.job_spec)
       from generate_series(1, $1::int) n))`,
    [count],
  );
}

async function holdSnapshot(adminUrl: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: adminUrl });
  client.on("error", () => {});
  await client.connect();
  await client.query("begin isolation level repeatable read");
  await client.query("select txid_current()");
  return () => client.end();
}

/** Of the day before, and counted: their ids come before all others, as older ones do. */
async function addHistory(admin: pg.Pool, count: number): Promise<void> {
  await admin.query(
    `insert into taskrun.history (job_id, task, state, payload, output, attempts, max_attempts,
       priority, created_at, run_at, started_at, finished_at, process)
     select n - $1::bigint, 'bench-0', 'completed', '{"n":1}', '{"ok":true}', 1, 25, 0,
       t, t, t, t + interval '1 ms', 'p1'
     from (select n, now() - interval '1 hour' - interval '23 h' * (1 - n / $1::float8) as t
       from generate_series(1, $1::bigint) n) as made`,
    [count],
  );
  await admin.query(
    `insert into taskrun.ended_counted (until) values (now()) on conflict (singleton)
     do update set until = now()`,
  );
  await admin.query("vacuum analyze taskrun.history");
}
