/**
 * Removes finished jobs that have been kept long enough: by the retention of their tasks, or by
 * an age and a choice that somebody gives. What goes with a job, and what must stay, is said in
 * the database's `forget_jobs`.
 */

import type pg from "pg";
import type { Schemas } from "./schemas.ts";
import { pause } from "./transient.ts";

export type FinishedState = "completed" | "failed" | "cancelled";

/** How many records a statement looks at: a few milliseconds of work. */
const pieceSize = 2000;
// Whatever waits for the disk goes in between.
const betweenPiecesMs = 20;

/**
 * Removes what is due by the tasks' retention, a piece at a time, until nothing is; returns how
 * many jobs. Returns at once when another process is at it, or when there is nothing to do.
 */
export async function pruneDue(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  signal?: AbortSignal,
): Promise<number> {
  let removed = 0;
  while (!signal?.aborted) {
    const { rows } = await db.query(`select removed, more from ${schemas.own}.prune($1)`, [
      pieceSize,
    ]);
    removed += rows[0].removed;
    if (!rows[0].more) break;
    await pause(betweenPiecesMs, signal);
  }
  return removed;
}

export interface PruneChoice {
  /** Finished longer ago than this, whatever their tasks say; null = by their tasks' retention. */
  readonly olderThanMs: number | null;
  readonly state?: FinishedState;
  /** A task's name or one of its aliases. */
  readonly task?: string;
  /** Only counts. */
  readonly dryRun: boolean;
}

/** Removes the chosen jobs of the whole history; returns how many, by state. */
export async function pruneJobs(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  choice: PruneChoice,
): Promise<Record<FinishedState, number>> {
  const counts = { completed: 0, failed: 0, cancelled: 0 };
  const find = chosenStatement(schemas);
  const forget = `select ${schemas.own}.forget_jobs($1::bigint[])`;
  const { olderThanMs, state = null, task = null } = choice;
  let [finishedAt, lastId] = ["-infinity", "0"];
  for (;;) {
    const { rows } = await db.query(find, [
      finishedAt,
      lastId,
      olderThanMs,
      state,
      task,
      pieceSize,
    ]);
    for (const row of rows) counts[finishedState(row.state)] += 1;
    if (!choice.dryRun && rows.length > 0) await db.query(forget, [rows.map((row) => row.job_id)]);
    if (rows.length < pieceSize) return counts;
    ({ finished_at: finishedAt, job_id: lastId } = rows[rows.length - 1]);
  }
}

function finishedState(state: unknown): FinishedState {
  return state === "completed" || state === "failed" ? state : "cancelled";
}

/** Records in the order of their end, from where the piece before ended. */
function chosenStatement({ own }: Schemas): string {
  return `
select h.job_id, h.state, h.finished_at::text
from ${own}.history h left join ${own}.tasks t on t.name = h.task
where h.finished_at >= $1::timestamptz and (h.finished_at, h.job_id) > ($1::timestamptz, $2::bigint)
  and h.finished_at < now()
    - least(coalesce($3::float8, ${own}.retention_ms(h.state, t)), 3e12) * interval '1 millisecond'
  and ($3::float8 is not null or ${own}.retention_ms(h.state, t) is not null)
  and ($4::text is null or h.state = $4) and ($5::text is null or $5 in (h.task, t.task))
  and not ${own}.is_queued(h.job_id)
order by h.finished_at, h.job_id
limit $6::int`;
}

/** Removes kept results of `ctx.once` whose time is over; returns how many. */
export async function pruneOnceResults(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  dryRun: boolean,
): Promise<number> {
  const over = `from ${schemas.own}.once_results where keep_until < now()`;
  if (!dryRun) return (await db.query(`delete ${over}`)).rowCount ?? 0;
  const { rows } = await db.query(`select count(*)::int as count ${over}`);
  return rows[0].count;
}
