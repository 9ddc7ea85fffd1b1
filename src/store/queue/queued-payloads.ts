/** Reads the payloads of jobs that have not ended, a page at a time. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

export interface QueuedPayload {
  readonly id: string;
  /** The name that it was queued under. */
  readonly task: string;
  /** JSON text. */
  readonly payload: string;
}

const pageSize = 500;

/**
 * All of them by id, running ones included; those that come while it reads may be missing. Holds
 * no transaction open in between.
 */
export async function* queuedPayloads(
  db: Pick<pg.Pool, "query">,
  { queue }: Schemas,
): AsyncGenerator<QueuedPayload> {
  let lastId = "0";
  for (;;) {
    const { rows } = await db.query<{ id: string; task: string; payload: string }>(
      `select j.id::text, t.identifier as task, j.payload::text as payload
       from ${queue}._private_jobs j join ${queue}._private_tasks t on t.id = j.task_id
       where j.id > $1::bigint and (j.attempts < j.max_attempts or j.locked_at is not null)
       order by j.id limit ${pageSize}`,
      [lastId],
    );
    yield* rows;
    const last = rows[rows.length - 1];
    if (last === undefined || rows.length < pageSize) return;
    lastId = last.id;
  }
}
