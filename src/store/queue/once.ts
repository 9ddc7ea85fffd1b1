/**
 * The results of `ctx.once` by key, and who is at a key now. A claim is good as long as the job
 * that made it is locked for the attempt that made it; then anybody may take the key over.
 */

import type pg from "pg";
import type { OnceClaim, OnceResult } from "../../core/journal.ts";
import type { Schemas } from "../schemas.ts";
import type { Hold } from "./steps.ts";

type Db = Pick<pg.Pool, "query">;

/** Takes the key, unless it is finished or its claim is good. */
export async function claimOnce(
  db: Db,
  schemas: Schemas,
  hold: Hold,
  key: string,
  claim: string,
): Promise<OnceClaim> {
  for (;;) {
    if (await claimFree(db, schemas, hold, key, claim)) return { state: "claimed" };
    const found = await look(db, schemas, hold, key);
    if (found === undefined) continue;
    if (found.finished) return { state: "finished", resultJson: found.resultJson };
    if (found.good) return { state: "busy", jobId: found.jobId };
    if (await takeOver(db, schemas, hold, key, claim, found.claim)) return { state: "claimed" };
  }
}

/** A key that nobody has, or whose result is out of date. */
async function claimFree(db: Db, { own }: Schemas, hold: Hold, key: string, claim: string) {
  const { rowCount } = await db.query(
    `insert into ${own}.once_results as o (key, claim, job_id, attempt, process)
     values ($1, $2, $3, $4, $5)
     on conflict (key) do update set claim = excluded.claim, job_id = excluded.job_id,
       attempt = excluded.attempt, process = excluded.process, started_at = now(),
       finished_at = null, result = null, keep_until = null
     where o.keep_until <= now() or (o.claim = excluded.claim and o.finished_at is null)`,
    [key, claim, hold.id, hold.attempt, hold.lockedBy],
  );
  return rowCount === 1;
}

/**
 * One look at the claim and at the lock behind it. A claim that is seen was made after its job's
 * lock: when that isn't there, it is gone. (In the statement above it might not be there yet.)
 */
async function look(db: Db, { own, queue }: Schemas, hold: Hold, key: string) {
  const { rows } = await db.query(
    `select o.claim, o.job_id as "jobId", o.finished_at is not null as finished,
       o.result::text as "resultJson",
       o.job_id <> $2 and exists (select 1 from ${queue}._private_jobs j
         where j.id = o.job_id and j.locked_by = o.process
           and (j.attempts = o.attempt or j.key is null)) as good
     from ${own}.once_results o
     where o.key = $1 and (o.keep_until is null or o.keep_until > now())`,
    [key, hold.id],
  );
  return rows[0];
}

async function takeOver(
  db: Db,
  { own }: Schemas,
  hold: Hold,
  key: string,
  claim: string,
  from: string,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update ${own}.once_results set claim = $2, job_id = $3, attempt = $4, process = $5,
       started_at = now()
     where key = $1 and claim = $6 and finished_at is null`,
    [key, claim, hold.id, hold.attempt, hold.lockedBy, from],
  );
  return rowCount === 1;
}

/** What is kept of a key; undefined when it isn't finished, or out of date. */
export async function findOnce(
  db: Db,
  { own }: Schemas,
  key: string,
): Promise<{ resultJson: string | null } | undefined> {
  const { rows } = await db.query(
    `select result::text as "resultJson" from ${own}.once_results
     where key = $1 and finished_at is not null and (keep_until is null or keep_until > now())`,
    [key],
  );
  return rows[0];
}

/** Keeps the result if the claim still holds; whether it did. */
export async function finishOnce(
  db: Db,
  { own }: Schemas,
  key: string,
  claim: string,
  { resultJson, retainMs }: OnceResult,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update ${own}.once_results set finished_at = now(), result = $3::json,
       keep_until = now() + $4::float8 * interval '1 millisecond'
     where key = $1 and claim = $2`,
    [key, claim, resultJson, retainMs],
  );
  return rowCount === 1;
}

/** Lets go of a key without a result. */
export async function dropOnce(
  db: Db,
  { own }: Schemas,
  key: string,
  claim: string,
): Promise<void> {
  await db.query(
    `delete from ${own}.once_results where key = $1 and claim = $2 and finished_at is null`,
    [key, claim],
  );
}
