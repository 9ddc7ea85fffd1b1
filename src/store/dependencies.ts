/** What jobs that wait for other jobs need to know, and the sweep that looks after them. */

import type pg from "pg";
import type { Schemas } from "./schemas.ts";

/** What has become of a job that somebody waits for. */
export interface ParentEnd {
  readonly id: string;
  /** null when nothing is kept of the job any more. */
  readonly task: string | null;
  /** `gone`: it has ended, and nothing is kept of it any more. */
  readonly state: "unfinished" | "completed" | "failed" | "cancelled" | "gone";
  readonly output: unknown;
  readonly error: string | null;
}

/** In the order asked. Throws what the database throws, an id that never was included. */
export async function parentEnds(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  ids: readonly string[],
): Promise<ParentEnd[]> {
  const { rows } = await db.query<ParentEnd>(
    `select id, task, state, output, error from ${schemas.own}.job_ends($1::bigint[])`,
    [ids],
  );
  return rows;
}

/** Resolves blocked jobs whose parents ended behind our back; returns how many there were. */
export async function sweepBlocked(db: Pick<pg.Pool, "query">, schemas: Schemas): Promise<number> {
  const { rows } = await db.query(`select ${schemas.own}.sweep_blocked() as count`);
  return rows[0].count;
}
