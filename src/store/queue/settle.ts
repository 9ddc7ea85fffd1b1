/**
 * Writes completed attempts in bulk: out of the queue, into the history, in one statement and so
 * in one transaction. Behind the fence of `settlement.ts`.
 *
 * This and `settle-others` may be sent again after a lost reply: rows already settled no longer
 * match the fence, and `landedBefore` tells them from lost ones by the record they left.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";
import {
  type CompletedSettlement,
  fence,
  forgotten,
  recordColumns,
  replaceRecord,
  type Settlement,
} from "./settlement.ts";

/** Settles completed jobs that have nothing but their row; returns how many were still ours. */
export async function settlePlain(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  batch: readonly CompletedSettlement[],
): Promise<number> {
  const [first] = batch;
  if (first === undefined) return 0;
  const { lockedBy, startedAtMs } = first;
  // Only around a change of this process's id; the other statement takes one for each row.
  if (batch.some((s) => s.lockedBy !== lockedBy)) return settleCompleted(db, schemas, batch);
  const tasks = new Map<string, number>();
  const { rows } = await db.query({
    name: "taskrun settle plain",
    text: plainStatement(schemas),
    values: [
      lockedBy,
      startedAtMs,
      numbers(batch.map((s) => s.id)),
      numbers(batch.map((s) => s.attempt)),
      numbers(batch.map((s) => s.startedAtMs - startedAtMs)),
      numbers(batch.map((s) => s.finishedAtMs - startedAtMs)),
      `[${batch.map((s) => s.outputJson ?? "null").join(",")}]`,
      `{${batch.map((s) => `"${s.place}"`).join(",")}}`,
      numbers(batch.map((s) => positionOf(s.task, tasks))),
      texts([...tasks.keys()]),
    ],
    rowMode: "array",
  });
  const found = Number(rows[0]?.[0]);
  if (found === batch.length) return found;
  // Somebody has changed rows, so that they are elsewhere now; they may be ours all the same.
  return found + (await settleCompleted(db, schemas, batch));
}

/** From 1, as SQL counts. */
function positionOf(task: string, positions: Map<string, number>): number {
  const known = positions.get(task);
  if (known !== undefined) return known;
  positions.set(task, positions.size + 1);
  return positions.size;
}

/** Settles completed jobs; returns how many were still ours. */
export function settleCompleted(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  batch: readonly CompletedSettlement[],
): Promise<number> {
  return sendCompleted(db, "taskrun settle completed", completedStatement(schemas), batch);
}

async function sendCompleted(
  db: Pick<pg.Pool, "query">,
  name: string,
  text: string,
  batch: readonly CompletedSettlement[],
): Promise<number> {
  const { rows } = await db.query({
    name,
    text,
    values: [
      numbers(batch.map((s) => s.id)),
      numbers(batch.map((s) => s.attempt)),
      texts(batch.map((s) => s.lockedBy)),
      texts(batch.map((s) => s.outputJson)),
      numbers(batch.map((s) => s.startedAtMs)),
      numbers(batch.map((s) => s.finishedAtMs)),
      texts(batch.map((s) => s.progressJson)),
      `{${batch.map((s) => s.keyed).join(",")}}`,
      `{${batch.map((s) => s.traceless === true).join(",")}}`,
    ],
    rowMode: "array",
  });
  return Number(rows[0]?.[0]);
}

// Written here rather than by the driver, whose way with arrays of text costs as much as the
// whole attempt of a small job.
function numbers(values: readonly (string | number)[]): string {
  return `{${values.join(",")}}`;
}

function texts(values: readonly (string | null)[]): string {
  return `{${values.map(textElement).join(",")}}`;
}

function textElement(value: string | null): string {
  return value === null ? "NULL" : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

const settled = `unnest($1::bigint[], $2::int[], $3::text[], $4::json[], $5::float8[],
    $6::float8[], $7::jsonb[], $8::bool[], $9::bool[])
    as s(id, attempt, locked_by, output, started_ms, finished_ms, progress, keyed, traceless)`;

/**
 * Without a key, a serial queue, details or an earlier record there are only these two to write.
 * Times come as milliseconds since $2 and outputs as one JSON array: shorter to write and to read.
 * The rows are found by where they are rather than by an index; the id is still what counts.
 * The arrays are taken apart in the select list, where nothing is stored in between.
 */
function plainStatement({ queue, own }: Schemas): string {
  return `
with done as (
  delete from ${queue}._private_jobs j
  using (
    select unnest($3::bigint[]) as id, unnest($4::int[]) as attempt,
      unnest($5::float8[]) as started_ms, unnest($6::float8[]) as finished_ms,
      json_array_elements($7::json) as output, unnest($8::tid[]) as place,
      unnest($9::int[]) as task
  ) s
  where j.ctid = s.place and j.id = s.id and j.locked_by = $1::text and j.attempts = s.attempt
  returning j.id, s.task, j.payload, j.priority, j.key, j.max_attempts, j.created_at,
    j.run_at, s.attempt, s.output, s.started_ms, s.finished_ms
),
recorded as (
  insert into ${own}.history (job_id, task, state, payload, output, attempts, max_attempts,
    priority, key, created_at, run_at, started_at, finished_at, process)
  select done.id, ($10::text[])[done.task], 'completed', done.payload,
    case when json_typeof(done.output) <> 'null' then done.output end, done.attempt,
    done.max_attempts, done.priority, done.key, done.created_at, done.run_at,
    to_timestamp(($2::float8 + done.started_ms) / 1000),
    to_timestamp(($2::float8 + done.finished_ms) / 1000), $1::text
  from done
)
select count(*), ${own}.resolve_dependents(array_agg(id), 'completed') from done`;
}

function completedStatement({ queue, own }: Schemas): string {
  return `
with done as (
  delete from ${queue}._private_jobs j using ${settled}
  where j.id = s.id and ${fence}
  returning j.id, j.task_id, j.job_queue_id, j.payload, j.priority, j.key, j.max_attempts,
    j.created_at, j.run_at, s.attempt, s.locked_by, s.output, s.started_ms, s.finished_ms,
    s.progress, s.traceless
),
freed as (
  update ${queue}._private_job_queues q set locked_by = null, locked_at = null
  from done where q.id = done.job_queue_id and q.locked_by = done.locked_by
  returning q.id, q.queue_name
),
details as (
  delete from ${own}.job_details d using done where d.job_id = done.id returning d.*
),
recorded as (
  insert into ${own}.history (${recordColumns})
  select done.id, t.identifier, 'completed', done.payload, done.output, null, details.metadata,
    coalesce(done.progress, details.progress), done.attempt, done.max_attempts, done.priority,
    freed.queue_name, done.key, done.created_at, done.run_at,
    to_timestamp(done.started_ms / 1000), to_timestamp(done.finished_ms / 1000),
    details.correlation_id, details.created_by, details.parent_id, done.locked_by
  from done
  join ${queue}._private_tasks t on t.id = done.task_id
  left join freed on freed.id = done.job_queue_id
  left join details on details.job_id = done.id
  where not done.traceless
  ${replaceRecord}
),
${forgotten(own, "done", "'completed'::text", "null::text")}
select count(*), (select count(*) from forgotten),
  ${own}.resolve_dependents(array_agg(id), 'completed')
from done`;
}

/**
 * Of settlements that were not ours when they were sent again: those that had landed the first
 * time. The others were lost to another owner.
 */
export async function landedBefore(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  batch: readonly Settlement[],
): Promise<Set<string>> {
  const { rows } = await db.query(
    `select s.id from unnest($1::bigint[], $2::int[], $3::text[]) as s(id, attempt, locked_by)
     where exists (select 1 from ${schemas.own}.history h
         where h.job_id = s.id and h.attempts = s.attempt and h.process = s.locked_by)
       or exists (select 1 from ${schemas.own}.attempts a
         where a.job_id = s.id and a.attempt = s.attempt and a.process = s.locked_by)`,
    [batch.map((s) => s.id), batch.map((s) => s.attempt), batch.map((s) => s.lockedBy)],
  );
  return new Set(rows.map((row) => row.id));
}
