/** Ids of jobs that may have changed, each found by an index but for the running ones. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

type Db = Pick<pg.Pool, "query">;

/** The highest id so far; "0" when there is no job. */
export async function highestJobId(db: Db, { queue, own }: Schemas): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `select greatest((select max(id) from ${queue}._private_jobs),
       (select max(job_id) from ${own}.history), 0)::text as id`,
  );
  return rows[0]?.id ?? "0";
}

/** Jobs in the queue with a higher id, the lowest first. */
export async function newJobIds(
  db: Db,
  { queue }: Schemas,
  { after, limit }: { readonly after: bigint; readonly limit: number },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select j.id::text from ${queue}._private_jobs j where j.id > $1 order by j.id limit $2`,
    [String(after), limit],
  );
  return rows.map(({ id }) => id);
}

/** Locked jobs, the longest held first. There is no index for it: this reads the whole queue. */
export async function runningJobIds(db: Db, { queue }: Schemas, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select j.id::text from ${queue}._private_jobs j where j.locked_at is not null
     order by j.locked_at, j.id limit $1`,
    [limit],
  );
  return rows.map(({ id }) => id);
}

export interface Ended {
  readonly id: string;
  readonly at: Date;
}

/** Jobs that ended and attempts that failed from a moment on, each the first ones first. */
export async function endedSince(
  db: Db,
  { own }: Schemas,
  table: "history" | "attempts",
  { since, limit }: { readonly since: Date; readonly limit: number },
): Promise<Ended[]> {
  const { rows } = await db.query<Ended>(
    `select job_id::text as id, finished_at as at from ${own}.${table}
     where finished_at >= $1 order by finished_at limit $2`,
    [since, limit],
  );
  return rows;
}
