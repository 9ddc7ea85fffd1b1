/** How many jobs of each task have failed for good and still are. Reads no job that completed. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

export interface FailedCount {
  readonly task: string;
  readonly count: number;
}

export async function countFailed(
  db: Pick<pg.Pool, "query">,
  { queue, own }: Schemas,
): Promise<FailedCount[]> {
  const { rows } = await db.query<FailedCount>(
    `select task, count(*)::int as count from ${own}.history h
     where h.state = 'failed' and not exists (
       select from ${queue}._private_jobs j where j.id = h.job_id
         and (j.attempts < j.max_attempts or j.locked_at is not null))
     group by task`,
  );
  return rows;
}
