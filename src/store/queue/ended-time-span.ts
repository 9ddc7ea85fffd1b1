/**
 * How the records of a span of time are best found: few by their time, many by their ids, from
 * the id on that nobody had before the span was over.
 */

import type pg from "pg";
import type { JobFilter } from "../job-filter.ts";
import type { Schemas } from "../schemas.ts";

export interface EndedTimeSpan {
  /** So few that all of them can be read at once. */
  readonly isSmall: boolean;
  /** No record of the span has this id or a higher one. Null = not known. */
  readonly below: string | null;
}

const fewRecords = 10_000;
/** Looking into a payload takes longer than the row itself. */
const fewPayloads = 2_000;
/** Ends are stamped by the clocks of the processes. */
const clockSlackMs = 600_000;

export async function endedTimeSpan(
  db: Pick<pg.Pool, "query">,
  { own, queue }: Schemas,
  { since, until, payload }: Pick<JobFilter, "since" | "until" | "payload">,
): Promise<EndedTimeSpan> {
  const few = payload?.length ? fewPayloads : fewRecords;
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int as count from (select from ${own}.history h
       where h.finished_at >= coalesce($1::timestamptz, '-infinity')
         and h.finished_at < coalesce($2::timestamptz, 'infinity') limit $3) w`,
    [since ?? null, until ?? null, few + 1],
  );
  const isSmall = (rows[0]?.count ?? 0) <= few;
  const isPast = until !== undefined && until.getTime() < Date.now() - clockSlackMs;
  if (!isPast) return { isSmall, below: null };
  const recorded = await firstIdAfter(db, { table: `${own}.history`, id: "job_id" }, until);
  const queued = await firstIdAfter(db, { table: `${queue}._private_jobs`, id: "id" }, until);
  return { isSmall, below: lowerId(recorded, queued) };
}

/**
 * Ids ascend, so that all ids above one that was given after a moment were given after it as well:
 * found by halves, with one step into the index for each.
 */
async function firstIdAfter(
  db: Pick<pg.Pool, "query">,
  { table, id }: { readonly table: string; readonly id: string },
  moment: Date,
): Promise<string | null> {
  const { rows } = await db.query<{ id: string | null }>(
    `with recursive ends as (
       select min(${id}) as low, max(${id}) as high from ${table}
     ),
     halved as (
       -- Null as long as none has been seen to be later.
       select low, high, null::bigint as later from ends
       union all
       select case when is_later then low else id + 1 end,
         case when is_later then middle - 1 else high end,
         case when is_later then id else later end
       from halved
       cross join lateral (select low + (high - low) / 2 as middle) m
       cross join lateral (select r.${id} as id, r.created_at > $1 as is_later
         from ${table} r where r.${id} >= middle order by r.${id} limit 1) found
       where low <= high
     )
     select min(later)::text as id from halved`,
    [new Date(moment.getTime() + clockSlackMs)],
  );
  return rows[0]?.id ?? null;
}

export function lowerId(id: string | null, other: string | null): string | null {
  if (id === null || other === null) return id ?? other;
  return BigInt(id) < BigInt(other) ? id : other;
}
