/**
 * How many jobs ended how within a span of time, and how long they waited and ran. Adds up what
 * `count_ended` has counted: whole hours, the minutes (of a task: tens of minutes) before the first
 * of them, and from the history only what ended before these and since the last count.
 *
 * Minutes are kept for two days: beyond that a span begins with a whole hour.
 */

import type pg from "pg";
import { type BucketCounts, percentileMs } from "../../core/bucket-counts.ts";
import type { Schemas } from "../schemas.ts";

/** Milliseconds; null where nothing ran. */
export interface Latency {
  readonly p50: number | null;
  readonly p95: number | null;
}

/** Of a task, or of all tasks, within a piece of time. */
export class EndedCounts {
  completed = 0;
  failed = 0;
  cancelled = 0;
  readonly #waits = new Map<number, number>();
  readonly #runs = new Map<number, number>();

  static sumOf(all: Iterable<EndedCounts>): EndedCounts {
    const sum = new EndedCounts();
    for (const each of all) {
      for (const kind of ["completed", "failed", "cancelled"] as const) {
        sum.add({ kind, bucket: 0, count: each[kind] });
      }
      for (const [bucket, count] of each.#waits) sum.add({ kind: "wait", bucket, count });
      for (const [bucket, count] of each.#runs) sum.add({ kind: "run", bucket, count });
    }
    return sum;
  }

  add({ kind, bucket, count }: Pick<CountRow, "kind" | "bucket" | "count">): void {
    if (kind === "wait") this.#waits.set(bucket, (this.#waits.get(bucket) ?? 0) + count);
    else if (kind === "run") this.#runs.set(bucket, (this.#runs.get(bucket) ?? 0) + count);
    else this[kind] += count;
  }

  /** From being due to the start of the last attempt. */
  get waitMs(): Latency {
    return latency(this.#waits);
  }

  /** The last attempt's. */
  get runMs(): Latency {
    return latency(this.#runs);
  }
}

function latency(counts: BucketCounts): Latency {
  return { p50: percentileMs(counts, 0.5), p95: percentileMs(counts, 0.95) };
}

interface CountRow {
  readonly task: string;
  readonly piece: number;
  readonly kind: "completed" | "failed" | "cancelled" | "wait" | "run";
  readonly bucket: number;
  readonly count: number;
}

/** By the task's name. */
export async function endedByTask(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  { since, task }: { readonly since: Date; readonly task: string | null },
): Promise<Map<string, EndedCounts>> {
  const pieces = `select task, 0 as piece, kind, bucket, count from counted
    where $2::text is null or task = $2`;
  const text = statement(schemas, {
    spans: ["task part", "task hour"],
    spanMs: 600_000,
    task: "h.task",
    pieces,
  });
  const { rows } = await db.query<CountRow>(text, [since, task]);
  const found = new Map<string, EndedCounts>();
  for (const row of rows) {
    const counts = found.get(row.task) ?? new EndedCounts();
    found.set(row.task, counts);
    counts.add(row);
  }
  return found;
}

/** How many jobs of each task failed for good; much less to read than all that ended. */
export async function failedByTask(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  since: Date,
): Promise<Map<string, number>> {
  const text = statement(schemas, {
    spans: ["task part", "task hour"],
    spanMs: 600_000,
    task: "h.task",
    only: "failed",
    pieces: "select task, 0 as piece, kind, bucket, count from counted where kind = 'failed'",
  });
  const { rows } = await db.query<CountRow>(text, [since]);
  return new Map(rows.map(({ task, count }) => [task, count]));
}

/** Of all tasks, in that many pieces of time from `since` on; the last one goes on until now. */
export async function endedOverTime(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  { since, pieceMs, pieces }: { since: Date; pieceMs: number; pieces: number },
): Promise<EndedCounts[]> {
  // In pieces of minutes only what is counted by the minute can be told apart.
  const fine = pieceMs < hourMs && since.getTime() > Date.now() - minutesKeptMs;
  const numbered = `select '' as task, kind, bucket, count, least(greatest(
      floor(date_part('epoch', at - $1) * 1000 / $2::float8), 0), $3::int - 1)::int as piece
    from counted`;
  const text = statement(schemas, {
    spans: fine ? ["minute", "minute"] : ["minute", "hour"],
    spanMs: 60_000,
    task: "''",
    pieces: numbered,
  });
  const { rows } = await db.query<CountRow>(text, [since, pieceMs, pieces]);
  const found = Array.from({ length: pieces }, () => new EndedCounts());
  for (const row of rows) found[row.piece]?.add(row);
  return found;
}

const hourMs = 3_600_000;
const minutesKeptMs = 47 * hourMs;
const mostRecords = 2_000;

interface Asked {
  /** Those before the first whole hour, and those from then on. */
  readonly spans: readonly [string, string];
  /** The first one's length. */
  readonly spanMs: number;
  /** An expression over the history. */
  readonly task: string;
  /** Records of this state alone. Default: all. */
  readonly only?: "failed";
  /** Made of `counted (task, at, kind, bucket, count)`. */
  readonly pieces: string;
}

function statement({ own, queue }: Schemas, asked: Asked): string {
  const { spans, spanMs, task, pieces, only } = asked;
  const ofState = only === undefined ? "" : `and h.state = '${only}'`;
  const ofKind = only === undefined ? "" : `and c.kind = '${only}'`;
  const [first, rest] = spans;
  const next = (ms: number) =>
    `to_timestamp(ceil(extract(epoch from $1::timestamptz) * 1000 / ${ms})::float8 * ${ms / 1000})`;
  return `
with mark as materialized (
  select until, case when $1::timestamptz < now() - interval '47 hours'
      then date_trunc('hour', $1::timestamptz, 'UTC') else ${next(spanMs)} end as first_span,
    case when $1::timestamptz < now() - interval '47 hours'
      then date_trunc('hour', $1::timestamptz, 'UTC') else ${next(hourMs)} end as hour
  from (select coalesce((select until from ${own}.ended_counted), '-infinity') as until) c
),
-- However many jobs end, only so many records are read at either end: the last ones are counted
-- seconds later, and of the first span a part is taken that is as large as the time.
ends as materialized (
  select coalesce((select h.finished_at from ${own}.history h
      where h.finished_at > (select greatest(until, $1::timestamptz - interval '1 us') from mark)
        ${ofState}
      order by h.finished_at offset ${mostRecords} limit 1), 'infinity') as last,
    exists (select from ${own}.history h
      where h.finished_at >= $1 and h.finished_at < (select first_span from mark)
        and h.finished_at <= (select until from mark) ${ofState}
      order by h.finished_at offset ${mostRecords} limit 1) as head_is_large
),
records as (
  select ${task} as task, h.finished_at as at, h.state,
    ${own}.duration_bucket(date_part('epoch', h.started_at - h.run_at) * 1000) as wait,
    ${own}.duration_bucket(date_part('epoch', h.finished_at - h.started_at) * 1000) as run
  from ${own}.history h
  where h.finished_at > (select greatest(until, $1::timestamptz - interval '1 us') from mark)
    and h.finished_at < (select last from ends) ${ofState}
    -- A record of a job that was queued again by others than us is one of the past.
    and (h.state = 'completed' or not exists (select from ${queue}._private_jobs j
      where j.id = h.job_id and (j.attempts < j.max_attempts or j.locked_at is not null)))
  union all
  select ${task}, h.finished_at, h.state,
    ${own}.duration_bucket(date_part('epoch', h.started_at - h.run_at) * 1000),
    ${own}.duration_bucket(date_part('epoch', h.finished_at - h.started_at) * 1000)
  from ${own}.history h
  where h.finished_at >= $1 and h.finished_at < (select first_span from mark)
    and h.finished_at <= (select until from mark) and not (select head_is_large from ends)
    ${ofState}
),
counted as (
  select c.task, c.at, c.kind, c.bucket, c.count from ${own}.ended_counts c
  where c.span = '${first}' and c.at >= (select first_span from mark)
    and c.at < (select hour from mark) ${ofKind}
  union all
  select c.task, $1::timestamptz, c.kind, c.bucket, round(c.count * 1000 / ${spanMs}::float8
    * date_part('epoch', (select first_span from mark) - $1::timestamptz))::bigint
  from ${own}.ended_counts c
  where (select head_is_large from ends) and c.span = '${first}' ${ofKind}
    and c.at = (select first_span from mark) - interval '${spanMs} ms'
  union all
  select c.task, c.at, c.kind, c.bucket, c.count from ${own}.ended_counts c
  where c.span = '${rest}' and c.at >= (select hour from mark) ${ofKind}
  union all
  select r.task, r.at, said.kind, said.bucket, 1
  from records r
  cross join lateral (values (r.state, 0::smallint), ('wait', r.wait), ('run', r.run))
    as said (kind, bucket)
  where said.bucket is not null
)
select task, piece, kind, bucket, sum(count::float8) as count
from (${pieces}) p group by task, piece, kind, bucket`;
}

/** A condition: something has ended that `countEnded` would count. */
export function hasUncountedEnds({ own }: Schemas): string {
  return `exists (select from ${own}.history h
    where h.finished_at > coalesce((select until from ${own}.ended_counted), '-infinity')
      and h.finished_at <= now() - interval '2 seconds')`;
}

/** Counts the next piece of what has ended; whether there is more. */
export async function countEnded(db: Pick<pg.Pool, "query">, { own }: Schemas): Promise<boolean> {
  const { rows } = await db.query(`select more from ${own}.count_ended()`);
  return rows[0]?.more === true;
}

/** Counts anew what has come late, and forgets counts that nobody asks for any more. */
export async function recountEnded(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
  since: Date,
): Promise<number> {
  const { rows } = await db.query(`select ${own}.recount_ended($1) as minutes`, [since]);
  await db.query(
    `delete from ${own}.ended_counts
     where span in ('minute', 'task part') and at < now() - interval '48 hours'
       or span in ('hour', 'task hour') and at < now() - interval '90 days'`,
  );
  return Number(rows[0]?.minutes ?? 0);
}
