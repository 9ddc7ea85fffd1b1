/**
 * Counts failed jobs by their fault, from the newest failure on and within bounds: a page is a
 * span of failures, so that pages add up. What the faults are named, is `name-failures`' business.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";
import type { FailureFilter } from "./list-unnamed-failures.ts";

export interface CountedFault {
  readonly fingerprint: string;
  readonly task: string;
  readonly count: number;
  readonly first_seen: Date;
  readonly last_seen: Date;
  readonly example_id: string;
}

export interface FaultPage {
  /** The one that hit last comes first. */
  readonly faults: readonly CountedFault[];
  /** Null: all failures have been counted. */
  readonly next: { readonly cursor: string; readonly at: Date } | null;
}

export interface FaultPageAsked extends FailureFilter {
  /** A page's `next`. */
  readonly cursor?: string;
  /** How many faults at most, unless more hit at the same moment. */
  readonly limit: number;
}

const mostFailures = 20_000;

interface PageRow extends Omit<CountedFault, "count"> {
  readonly count: number | null;
  readonly cursor: string | null;
  readonly at: Date | null;
}

export async function countFaults(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  asked: FaultPageAsked,
): Promise<FaultPage> {
  const { since, task, cursor, limit } = asked;
  const [micros, id] = cursor?.split("-") ?? [];
  const { rows } = await db.query<PageRow>(statement(schemas), [
    micros ?? null,
    id ?? null,
    since ?? null,
    task ?? null,
    limit,
  ]);
  const next = rows[0];
  const faults = rows.filter((row): row is PageRow & { count: number } => row.count !== null);
  // More than the limit at one moment can't be told apart by it.
  if (faults.length === 0 && next?.cursor != null && limit < mostFailures) {
    return countFaults(db, schemas, { ...asked, limit: limit * 10 });
  }
  return {
    faults: faults.map(({ cursor: _, at: __, ...fault }) => fault),
    next: next?.cursor != null && next.at !== null ? { cursor: next.cursor, at: next.at } : null,
  };
}

/** The ids of the failed jobs of a fault, the oldest first. */
export async function listFaultJobs(
  db: Pick<pg.Pool, "query">,
  { own, queue }: Schemas,
  fingerprint: string,
  { since, task }: FailureFilter,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select f.job_id::text as id from ${own}.failures f
     where f.fingerprint = $1 and ($2::timestamptz is null or f.failed_at >= $2)
       and ($3::text is null or f.task = $3) and ${isStanding(queue, "f")} order by f.job_id`,
    [fingerprint, since ?? null, task ?? null],
  );
  return rows.map(({ id }) => id);
}

/** Not queued again by others than us: it may yet succeed. Mostly the small index says so. */
function isStanding(queue: string, row: string): string {
  return `(exists (select from ${queue}._private_jobs j where j.id = ${row}.job_id
      and j.locked_at is null and j.attempts >= j.max_attempts)
    or (select true from ${queue}._private_jobs j where j.id = ${row}.job_id) is null)`;
}

function statement({ own, queue }: Schemas): string {
  return `
with walked as materialized (
  select f.job_id, f.task, f.fingerprint, f.failed_at from ${own}.failures f
  where ($1::float8 is null
      or (f.failed_at, f.job_id) < ('epoch'::timestamptz + $1 * interval '1 us', $2::bigint))
    and ($3::timestamptz is null or f.failed_at >= $3) and ($4::text is null or f.task = $4)
  order by f.failed_at desc, f.job_id desc limit ${mostFailures}
),
standing as materialized (select * from walked w where ${isStanding(queue, "w")}),
-- The first one that is too much.
cut as (
  select max(s.failed_at) as at from standing s
  group by s.fingerprint order by 1 desc offset $5::int limit 1
),
floor as (
  select * from (select at, 9223372036854775807 as job_id from cut
    union all
    (select failed_at, job_id from walked
      order by failed_at desc, job_id desc offset ${mostFailures} - 1 limit 1)) f
  order by 1 desc, 2 desc limit 1
),
groups as (
  select s.fingerprint, min(s.task) as task, count(*)::int as count,
    min(s.failed_at) as first_seen, max(s.failed_at) as last_seen,
    (array_agg(s.job_id order by s.failed_at desc, s.job_id desc))[1]::text as example_id
  from standing s where s.failed_at > (select at from cut) or not exists (select from cut)
  group by s.fingerprint
)
select g.*, floor.at, case when floor.at is not null then
    concat((extract(epoch from floor.at) * 1000000)::bigint, '-', floor.job_id) end as cursor
from (select) one left join floor on true left join groups g on true
order by g.last_seen desc, g.example_id desc`;
}
