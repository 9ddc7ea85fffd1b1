/** Jobs that are held at this moment, the longest held first. Reads the whole queue. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

export interface RunningJob {
  readonly id: string;
  readonly task: string;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly started_at: Date;
  readonly process: string;
  readonly progress: {
    readonly done: number;
    readonly total: number | null;
    readonly message: string | null;
  } | null;
}

export async function readRunning(
  db: Pick<pg.Pool, "query">,
  { queue, own }: Schemas,
  limit: number,
): Promise<RunningJob[]> {
  const { rows } = await db.query<RunningJob>(
    `select j.id::text, t.identifier as task, j.attempts::int as attempt,
       j.max_attempts::int, j.locked_at as started_at, j.locked_by as process, d.progress
     from ${queue}._private_jobs j
     join ${queue}._private_tasks t on t.id = j.task_id
     left join ${own}.job_details d on d.job_id = j.id
     where j.locked_at is not null
     order by j.locked_at, j.id limit $1`,
    [limit],
  );
  return rows;
}
