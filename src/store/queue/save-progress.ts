/** Keeps what running jobs report beside their rows, which have no column for it. */

import type pg from "pg";
import type { Progress } from "../../core/context.ts";
import type { Schemas } from "../schemas.ts";

/** Keeps the progress of jobs that are still queued; of others there is nothing to keep. */
export async function saveProgress(
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly (readonly [jobId: string, progress: Progress])[],
): Promise<void> {
  await db.query(
    `insert into ${schemas.own}.job_details (job_id, progress)
     select j.id, s.progress from unnest($1::bigint[], $2::jsonb[]) as s(id, progress)
     join ${schemas.queue}._private_jobs j on j.id = s.id and j.locked_at is not null
     on conflict (job_id) do update set progress = excluded.progress`,
    [batch.map(([id]) => id), batch.map(([, progress]) => JSON.stringify(progress))],
  );
}
