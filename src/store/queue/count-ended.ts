/** How many jobs of each task ended how since a moment, and how long they waited and ran. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

export interface EndedRow {
  readonly task: string | null;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly waits: number[] | null;
  readonly runs: number[] | null;
}

/** One row for each task, and one without a task for all of them. */
export async function countEnded(
  db: Pick<pg.Pool, "query">,
  { queue, own }: Schemas,
  { since, task }: { readonly since: Date; readonly task: string | null },
): Promise<EndedRow[]> {
  // A record of a job that was queued again is one of the past: it counts as what it is now.
  const { rows } = await db.query<EndedRow>(
    `select task,
       count(*) filter (where state = 'completed')::int as completed,
       count(*) filter (where state = 'failed')::int as failed,
       count(*) filter (where state = 'cancelled')::int as cancelled,
       percentile_disc(array[0.5, 0.95]) within group (order by wait_ms) as waits,
       percentile_disc(array[0.5, 0.95]) within group (order by run_ms) as runs
     from (
       select task, state,
         greatest(extract(epoch from started_at - run_at) * 1000, 0)::float8 as wait_ms,
         (extract(epoch from finished_at - started_at) * 1000)::float8 as run_ms
       from ${own}.history
       where finished_at >= $1 and ($2::text is null or task = $2)
         and (state = 'completed' or not exists (
           select from ${queue}._private_jobs j where j.id = job_id
             and (j.attempts < j.max_attempts or j.locked_at is not null)))
     ) as ended
     group by grouping sets ((task), ())`,
    [since, task],
  );
  return rows;
}
