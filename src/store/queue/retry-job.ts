/** Makes a job that has failed for good due again, as if it had never been tried. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

/**
 * False when there is no such job any more, or it hasn't failed. It keeps its
 * last error, which tells the settling that there is an earlier record to replace.
 */
export async function retryJob(
  db: Pick<pg.Pool, "query">,
  { queue }: Schemas,
  id: string,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `with due as (
       update ${queue}._private_jobs set attempts = 0, run_at = now(), updated_at = now()
       where id = $1 and locked_at is null and attempts >= max_attempts returning id
     )
     select pg_notify('jobs:insert', json_build_object('r', random(), 'count', 1)::text) from due`,
    [id],
  );
  return rowCount === 1;
}
