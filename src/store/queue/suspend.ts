/**
 * Settles attempts that wait for other jobs: their jobs are blocked until those have ended. What
 * that takes is in the database, as functions of the migration on dependencies.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";
import type { Settlement } from "./settlement.ts";

export interface WaitingSettlement extends Settlement {
  /** Ids of the jobs it waits for. */
  readonly jobs: readonly string[];
}

/**
 * By the id of each job that was still ours: `superseded` when its key was taken over while it
 * ran, and nothing has been written.
 *
 * Throws what the database throws: a job can't wait for itself, for one that waits for it, or for
 * one that never was.
 */
export async function suspendJobs(
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly WaitingSettlement[],
): Promise<Map<string, "waiting" | "superseded">> {
  const { rows } = await db.query({
    name: "taskrun suspend",
    text: `select s.id, ${schemas.own}.suspend_job(
        s.id, s.locked_by, s.attempt, s.keyed, s.jobs, s.progress) as became
      from json_to_recordset($1::json) as s(id bigint, locked_by text, attempt int, keyed bool,
        jobs bigint[], progress jsonb)`,
    values: [JSON.stringify(batch.map(asRow))],
  });
  return new Map(rows.filter(({ became }) => became !== null).map((r) => [r.id, r.became]));
}

function asRow(s: WaitingSettlement): Record<string, unknown> {
  return {
    id: s.id,
    locked_by: s.lockedBy,
    attempt: s.attempt,
    keyed: s.keyed,
    jobs: s.jobs,
    progress: s.progressJson === null ? null : JSON.parse(s.progressJson),
  };
}
