/**
 * Names the fault of failed jobs, a piece at a time, in the order in which they failed: which
 * fault it is, only the fingerprint says, and that is made here and not in SQL. Owns the table
 * `failures`; rows leave it with their records.
 */

import type pg from "pg";
import { errorFingerprint } from "../../core/error-fingerprint.ts";
import type { Schemas } from "../schemas.ts";
import {
  type FailedJob,
  type FailureFilter,
  listUnnamedFailures,
  withError,
} from "./list-unnamed-failures.ts";

type Db = Pick<pg.Pool, "query">;

/** With up to 4 kB of stack each. */
const pieceSize = 500;
/** Before the mark: a record comes a moment after the end that it tells of. */
const soon = "interval '30 seconds'";

export function fingerprintOf(failed: FailedJob): string {
  const { task, error_name, error_message, error_stack } = failed;
  return errorFingerprint({ task, name: error_name, message: error_message, stack: error_stack });
}

/** The ids of the failed jobs of a fault that are not named so far. */
export async function unnamedJobsOf(
  db: Db,
  schemas: Schemas,
  fingerprint: string,
  filter: FailureFilter,
): Promise<string[]> {
  const unnamed = await listUnnamedFailures(db, schemas, filter);
  return unnamed.filter((failed) => fingerprintOf(failed) === fingerprint).map(({ id }) => id);
}

/** Names the next piece; whether there may be more. */
export async function nameFailures(db: Db, schemas: Schemas): Promise<boolean> {
  const failed = await nextFailures(db, schemas, soon);
  await name(db, schemas, failed);
  await moveOn(db, schemas, failed);
  return failed.length === pieceSize;
}

/** A condition: `nameFailures` would find something. */
export function hasUnnamedFailures({ own }: Schemas): string {
  return `exists (select from ${unnamedSince(own, soon)})`;
}

/** Names what came late: records of processes that waited for the database. */
export async function nameLateFailures(db: Db, schemas: Schemas): Promise<void> {
  for (;;) {
    const failed = await nextFailures(db, schemas, "interval '1 hour'");
    await name(db, schemas, failed);
    if (failed.length < pieceSize) return;
  }
}

function nextFailures(db: Db, { own }: Schemas, back: string): Promise<FailedJob[]> {
  return db
    .query<FailedJob>(
      `with failed as materialized (
        select h.job_id as id, h.task, h.finished_at as failed_at, h.error
        from ${unnamedSince(own, back)} order by h.finished_at limit ${pieceSize}
      )
      ${withError(own)}`,
    )
    .then(({ rows }) => rows);
}

/** Records `h`: those that came up to so long before the mark, or after it. */
function unnamedSince(own: string, back: string): string {
  return `${own}.history h where h.state = 'failed'
    and h.finished_at > (select until - ${back} from ${own}.failures_named)
    and (select true from ${own}.failures f where f.job_id = h.job_id) is null`;
}

async function name(db: Db, { own }: Schemas, failed: readonly FailedJob[]): Promise<void> {
  if (failed.length === 0) return;
  await db.query(
    `insert into ${own}.failures (job_id, task, fingerprint, failed_at)
     select h.job_id, h.task, s.fingerprint, h.finished_at
     from unnest($1::bigint[], $2::text[]) as s (job_id, fingerprint)
     -- Locked, so that the row can't outlive a record that goes at this moment.
     join ${own}.history h on h.job_id = s.job_id and h.state = 'failed'
     order by h.job_id for update of h
     on conflict (job_id) do nothing`,
    [failed.map(({ id }) => id), failed.map(fingerprintOf)],
  );
}

/** All up to the last one of a full piece have been named, else all up to a moment ago. */
async function moveOn(db: Db, { own }: Schemas, failed: readonly FailedJob[]): Promise<void> {
  const ids = failed.length < pieceSize ? [] : failed.map(({ id }) => id);
  await db.query(
    `update ${own}.failures_named n set until = greatest(n.until, m.until)
     from (select case when cardinality($1::bigint[]) = 0 then now() - interval '2 seconds'
       else (select max(f.failed_at) from ${own}.failures f where f.job_id = any ($1)) end
       as until) m
     where m.until is not null and m.until > n.until + interval '1 second'`,
    [ids],
  );
}
