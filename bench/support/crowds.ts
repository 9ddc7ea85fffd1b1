/**
 * What may stand in a queue, or weigh on its database, beside the jobs that are to run: each is
 * made in one go, and together with nothing else.
 */

import pg from "pg";
import { addJobs, type BenchDatabase } from "./database.ts";

export interface Crowd {
  /** As the table shows it. */
  readonly name: string;
  /** Makes it; may return what takes away what isn't in the queue. */
  readonly make: (database: BenchDatabase) => Promise<(() => Promise<void>) | void>;
}

/** `size`: how many jobs, where the name doesn't say otherwise. */
export function crowds(size: number): Crowd[] {
  const many = size.toLocaleString("en");
  return [
    {
      name: `${many} scheduled`,
      make: ({ admin }) => addThen(admin, size, {}, "run_at = now() + interval '1 day'"),
    },
    {
      name: `${many} scheduled at a higher priority`,
      make: ({ admin }) =>
        addThen(admin, size, { priority: -10 }, "run_at = now() + interval '1 day'"),
    },
    {
      name: `${many} failed for good`,
      make: ({ admin }) => addThen(admin, size, {}, "attempts = max_attempts, last_error = 'no'"),
    },
    {
      name: `${many} ready, of a task nobody has`,
      make: ({ admin }) => addJobs(admin, { task: "nobodys", count: size, priority: -10 }),
    },
    {
      name: `${many} behind two busy serial queues`,
      async make({ admin }) {
        for (const queue of ["busy 1", "busy 2"]) {
          await addJobs(admin, { task: "bench", count: size / 2, queue, priority: -10 });
        }
        await admin.query(`update graphile_worker._private_job_queues
          set locked_at = now(), locked_by = 'somebody else'`);
      },
    },
    {
      name: "10,000 serial queues with a scheduled job each",
      make: ({ admin }) => addToQueues(admin, 10_000),
    },
    { name: "an old snapshot held open", make: ({ adminUrl }) => holdSnapshot(adminUrl) },
  ];
}

async function addThen(
  admin: pg.Pool,
  count: number,
  job: { readonly priority?: number },
  set: string,
): Promise<void> {
  await addJobs(admin, { task: "crowd", count, ...job });
  await admin.query(`update graphile_worker._private_jobs j set ${set}
    from graphile_worker._private_tasks t where t.id = j.task_id and t.identifier = 'crowd'`);
}

async function addToQueues(admin: pg.Pool, count: number): Promise<void> {
  await admin.query(
    `select count(*) from graphile_worker.add_jobs((
       select array_agg(row('crowd', '{}'::json, 'queue ' || n, now() + interval '1 day', null,
         null, null, null)::graphile_worker.job_spec)
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
