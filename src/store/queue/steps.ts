/**
 * The results of durable steps and what became of their compensations. Every write is fenced:
 * it lands only while this process holds the job for this very attempt.
 */

import type pg from "pg";
import type { JobEnding } from "../../core/job.ts";
import type { DoneStep, FailedTry, KeptStep } from "../../core/journal.ts";
import type { Schemas } from "../schemas.ts";

/** By what the queue knows that an attempt is the job's current one. */
export interface Hold {
  readonly id: string;
  readonly attempt: number;
  /** The process id in the job's lock. */
  readonly lockedBy: string;
  /** Whether the job had a key when it was fetched: it may have been taken over since. */
  readonly keyed: boolean;
}

type Db = Pick<pg.Pool, "query">;

/**
 * A job's steps in the order in which they were done, but for those of another payload: an add
 * with the same key has replaced the job since.
 */
export async function listKeptSteps(db: Db, schemas: Schemas, jobId: string): Promise<KeptStep[]> {
  const { rows } = await db.query({
    name: "taskrun steps",
    text: `
select s.name, s.position::float8, s.state, s.compensable, s.result::text, s.compensation_tries,
  s.error, s.secret
from ${schemas.own}.steps s join ${schemas.queue}._private_jobs j on j.id = s.job_id
where s.job_id = $1::bigint
  and (s.revision = j.revision or s.payload_md5 = md5(j.payload::text))
order by s.position`,
    values: [jobId],
    rowMode: "array",
  });
  return rows.map(([name, position, state, compensable, resultJson, tries, error, secret]) => ({
    name,
    position,
    state,
    compensable,
    resultJson,
    tries,
    error,
    secret,
  }));
}

/** Keeps a step that is done; its position, or null when the job isn't this attempt's any more. */
export async function keepStep(
  db: Db,
  schemas: Schemas,
  hold: Hold,
  step: DoneStep,
): Promise<number | null> {
  const { rows } = await db.query({
    name: "taskrun keep step",
    text: `
with held as materialized (${heldJob(schemas)})
insert into ${schemas.own}.steps
  (job_id, name, compensable, result, attempt, started_at, revision, payload_md5, secret)
select id, $5::text, $6::bool, $7::json, $3::int, to_timestamp($8::float8 / 1000), revision,
  md5(payload::text), $9::bool
from held
on conflict (job_id, name) do update set position = default, state = 'done',
  compensable = excluded.compensable, result = excluded.result, error = null,
  attempt = excluded.attempt, started_at = excluded.started_at, finished_at = now(),
  compensated_at = null, compensation_tries = 0, revision = excluded.revision,
  payload_md5 = excluded.payload_md5, secret = excluded.secret
returning position::float8`,
    values: [
      ...holdValues(hold),
      step.name,
      step.compensable,
      step.resultJson,
      step.startedAtMs,
      step.secret === true,
    ],
    rowMode: "array",
  });
  return rows[0]?.[0] ?? null;
}

/**
 * Writes down how the job will end and starts the round of compensations: what an earlier round
 * undid is forgotten, what it could not undo is due again. Whether the job was still ours.
 */
export async function beginEnding(
  db: Db,
  schemas: Schemas,
  hold: Hold,
  ending: JobEnding,
): Promise<boolean> {
  const { own } = schemas;
  const { rowCount } = await db.query(
    `with held as materialized (${heldJob(schemas)}),
     again as (
       update ${own}.steps s set state = 'done', compensation_tries = 0, error = null
       from held where s.job_id = held.id and s.state = 'uncompensated'
     ),
     earlier as (
       delete from ${own}.steps s using held where s.job_id = held.id and s.state = 'compensated'
     )
     insert into ${own}.job_details (job_id, ending) select id, $5::jsonb from held
     on conflict (job_id) do update set ending = excluded.ending`,
    [...holdValues(hold), JSON.stringify(ending)],
  );
  return rowCount === 1;
}

/** Whether the job was still ours. */
export async function markCompensated(
  db: Db,
  schemas: Schemas,
  hold: Hold,
  name: string,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `with held as materialized (${heldJob(schemas)})
     update ${schemas.own}.steps s set state = 'compensated', compensated_at = now(), error = null
     from held where s.job_id = held.id and s.name = $5`,
    [...holdValues(hold), name],
  );
  return rowCount === 1;
}

/** Whether the job was still ours. */
export async function markFailedTry(
  db: Db,
  schemas: Schemas,
  hold: Hold,
  { name, tries, error, final }: FailedTry,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `with held as materialized (${heldJob(schemas)})
     update ${schemas.own}.steps s set compensation_tries = $6, error = $7, state = $8
     from held where s.job_id = held.id and s.name = $5`,
    [...holdValues(hold), name, tries, error, final ? "uncompensated" : "done"],
  );
  return rowCount === 1;
}

/** Waits for whoever is giving the job away, and keeps others from it until this is written. */
function heldJob({ queue }: Schemas): string {
  return `
  select j.id, j.payload, j.revision from ${queue}._private_jobs j
  where j.id = $1::bigint and j.locked_by = $2::text
    and (j.attempts = $3::int or ($4::bool and j.key is null))
  for share`;
}

function holdValues({ id, lockedBy, attempt, keyed }: Hold) {
  return [id, lockedBy, attempt, keyed];
}
