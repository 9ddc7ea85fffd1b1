/** Requests to cancel running jobs, as the processes that run them read them. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

export interface OpenCancellation {
  readonly id: string;
  /** Why, and who asked for it. */
  readonly note: string | null;
  /** This process has the job's lock; else nobody has. */
  readonly running: boolean;
}

/** The requests that concern a process: its own jobs, and those that nobody runs any more. */
export async function openCancellations(
  db: pg.Pool,
  { queue, own }: Schemas,
  processId: string,
): Promise<OpenCancellation[]> {
  const { rows } = await db.query({
    name: "taskrun open cancellations",
    text: `
      select c.job_id::text as id, ${own}.cancel_note(c.reason, c.requested_by) as note,
        j.locked_by is not null as running
      from ${own}.cancellations c left join ${queue}._private_jobs j on j.id = c.job_id
      where j.locked_by is null or j.locked_by = $1`,
    values: [processId],
  });
  return rows;
}

/**
 * Does what is left of requests whose job nobody runs any more; says what became of them. Those
 * of `released` that somebody else runs by now are told to their new process.
 */
export async function sweepCancellations(
  db: pg.Pool,
  { own }: Schemas,
  released: readonly string[],
): Promise<{ id: string; state: string | null }[]> {
  const { rows } = await db.query({
    name: "taskrun sweep cancellations",
    text: `select id::text, state from ${own}.sweep_cancellations($1)`,
    values: [released],
  });
  return rows;
}
