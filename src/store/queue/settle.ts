/**
 * Writes how attempts ended. Two statements, each one transaction: completed jobs in bulk,
 * and every other outcome.
 *
 * The fence: a row is touched only while this process still holds it for this very attempt.
 * Otherwise the job was given away meanwhile and its new owner's word counts; the outcome is
 * reported as lost and nothing is written. A job whose key was taken over while it ran
 * (graphile-worker then clears the key and uses up its attempts) is still ours to settle, but
 * not to run again. Only a job that had a key can be in that state: without asking for it, the
 * last attempt of any other job would look the same to an outcome of the attempt before.
 *
 * Both statements may be sent again after a lost reply: rows already settled no longer match
 * the fence, and `landed` tells them from lost ones by the record they left.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

interface Settlement {
  readonly id: string;
  readonly attempt: number;
  /** The process id in the job's lock. */
  readonly lockedBy: string;
  /** Whether the job had a key when it was fetched. */
  readonly keyed: boolean;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly progressJson: string | null;
}

export interface CompletedSettlement extends Settlement {
  readonly outputJson: string | null;
}

export interface OtherSettlement extends Settlement {
  readonly state: "retrying" | "snoozed" | "returned" | "cancelled" | "failed";
  readonly delayMs: number;
  readonly reason: string | null;
  readonly error: {
    readonly name: string;
    readonly message: string;
    readonly stack: string | null;
    readonly rule: string;
  } | null;
}

const takenOver = "(s.keyed and j.key is null)";
const fence = `j.locked_by = s.locked_by and (j.attempts = s.attempt or ${takenOver})`;

const recordColumns = `job_id, task, state, payload, output, error, metadata, progress, attempts,
  max_attempts, priority, queue, key, created_at, run_at, started_at, finished_at,
  correlation_id, created_by, parent_id, process`;

// A job that had ended before (failed, then retried by hand) gets its record anew.
const replaceRecord = `on conflict (job_id) do update set (${recordColumns.replace("job_id, ", "")})
  = row (${recordColumns
    .split(",")
    .slice(1)
    .map((column) => `excluded.${column.trim()}`)
    .join(", ")})`;

/** Settles completed jobs that have nothing but their row; returns how many were still ours. */
export async function settlePlain(
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly CompletedSettlement[],
): Promise<number> {
  const [first] = batch;
  if (first === undefined) return 0;
  const { lockedBy, startedAtMs } = first;
  // Only around a change of this process's id; the other statement takes one for each row.
  if (batch.some((s) => s.lockedBy !== lockedBy)) return settleCompleted(db, schemas, batch);
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
    ],
    rowMode: "array",
  });
  return Number(rows[0]?.[0]);
}

/** Settles completed jobs; returns how many were still ours. */
export function settleCompleted(
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly CompletedSettlement[],
): Promise<number> {
  return sendCompleted(db, "taskrun settle completed", completedStatement(schemas), batch);
}

async function sendCompleted(
  db: pg.Pool,
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
    $6::float8[], $7::jsonb[], $8::bool[])
    as s(id, attempt, locked_by, output, started_ms, finished_ms, progress, keyed)`;

/**
 * Without a key, a serial queue, details or an earlier record there are only these two to write.
 * Times come as milliseconds since $2 and outputs as one JSON array: shorter to write and to read.
 */
function plainStatement({ queue, own }: Schemas): string {
  return `
with done as (
  delete from ${queue}._private_jobs j
  using rows from (unnest($3::bigint[]), unnest($4::int[]), unnest($5::float8[]),
      unnest($6::float8[]), json_array_elements($7::json))
    as s(id, attempt, started_ms, finished_ms, output)
  where j.id = s.id and j.locked_by = $1::text and j.attempts = s.attempt
  returning j.id, j.task_id, j.payload, j.priority, j.key, j.max_attempts, j.created_at,
    j.run_at, s.attempt, s.output, s.started_ms, s.finished_ms
),
recorded as (
  insert into ${own}.history (job_id, task, state, payload, output, attempts, max_attempts,
    priority, key, created_at, run_at, started_at, finished_at, process)
  select done.id, t.identifier, 'completed', done.payload,
    case when json_typeof(done.output) <> 'null' then done.output end, done.attempt,
    done.max_attempts, done.priority, done.key, done.created_at, done.run_at,
    to_timestamp(($2::float8 + done.started_ms) / 1000),
    to_timestamp(($2::float8 + done.finished_ms) / 1000), $1::text
  from done join ${queue}._private_tasks t on t.id = done.task_id
)
select count(*) from done`;
}

function completedStatement({ queue, own }: Schemas): string {
  return `
with done as (
  delete from ${queue}._private_jobs j using ${settled}
  where j.id = s.id and ${fence}
  returning j.id, j.task_id, j.job_queue_id, j.payload, j.priority, j.key, j.max_attempts,
    j.created_at, j.run_at, s.attempt, s.locked_by, s.output, s.started_ms, s.finished_ms,
    s.progress
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
  ${replaceRecord}
)
select count(*) from done`;
}

/** What became of one settlement that was still ours. */
export interface SettledJob {
  readonly id: string;
  /** As asked for, except that a job whose key was taken over is not run again. */
  readonly state: OtherSettlement["state"];
}

/** Settles every outcome but completed; returns those that were still ours. */
export async function settleOthers(
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly OtherSettlement[],
): Promise<SettledJob[]> {
  const { rows } = await db.query({
    name: "taskrun settle others",
    text: othersStatement(schemas),
    values: [JSON.stringify(batch.map(otherAsRow))],
    rowMode: "array",
  });
  return rows.map(([id, state]) => ({ id, state }));
}

function otherAsRow(s: OtherSettlement): Record<string, unknown> {
  return {
    id: s.id,
    attempt: s.attempt,
    locked_by: s.lockedBy,
    keyed: s.keyed,
    state: s.state,
    delay_ms: s.delayMs,
    reason: s.reason,
    error_name: s.error?.name ?? null,
    error_message: s.error?.message ?? null,
    error_stack: s.error?.stack ?? null,
    rule: s.error?.rule ?? null,
    started_ms: s.startedAtMs,
    finished_ms: s.finishedAtMs,
    progress: s.progressJson === null ? null : JSON.parse(s.progressJson),
  };
}

function othersStatement({ queue, own }: Schemas): string {
  return `
with s as materialized (
  select * from json_to_recordset($1::json) as s(id bigint, attempt int, locked_by text,
    keyed bool, state text, delay_ms float8, reason text, error_name text, error_message text,
    error_stack text, rule text, started_ms float8, finished_ms float8, progress jsonb)
),
held as materialized (
  select s.*, j.task_id, j.job_queue_id, j.payload, j.priority, j.key, j.max_attempts,
    j.created_at, j.run_at,
    case when ${takenOver} and s.state in ('retrying', 'snoozed', 'returned')
      then 'cancelled' else s.state end as ending,
    now() + s.delay_ms * interval '1 millisecond' as next_run_at
  from s join ${queue}._private_jobs j on j.id = s.id
  where ${fence}
  for update of j
),
kept as (
  update ${queue}._private_jobs j set
    attempts = case held.ending when 'failed' then j.max_attempts
      when 'retrying' then j.attempts else greatest(j.attempts - 1, 0) end,
    run_at = case when held.ending in ('retrying', 'snoozed') then held.next_run_at
      else j.run_at end,
    last_error = coalesce(held.error_message, j.last_error),
    locked_by = null, locked_at = null, updated_at = now()
  from held where j.id = held.id and held.ending <> 'cancelled'
),
removed as (
  delete from ${queue}._private_jobs j using held where j.id = held.id and held.ending = 'cancelled'
),
freed as (
  update ${queue}._private_job_queues q set locked_by = null, locked_at = null
  from held where q.id = held.job_queue_id and q.locked_by = held.locked_by
),
progressed as (
  insert into ${own}.job_details (job_id, progress)
  select id, progress from held
  where progress is not null and ending in ('retrying', 'snoozed', 'returned', 'failed')
  on conflict (job_id) do update set progress = excluded.progress
),
details as (
  delete from ${own}.job_details d using held
  where d.job_id = held.id and held.ending = 'cancelled'
),
attempted as (
  insert into ${own}.attempts (job_id, attempt, state, error_name, error_message, error_stack,
    rule, started_at, finished_at, next_run_at, process)
  select id, attempt, ending, error_name, error_message, error_stack, rule,
    to_timestamp(started_ms / 1000), to_timestamp(finished_ms / 1000),
    case when ending = 'retrying' then next_run_at end, locked_by
  from held where error_message is not null
),
recorded as (
  insert into ${own}.history (${recordColumns})
  select held.id, t.identifier, held.ending, held.payload, null,
    case when held.ending = held.state then coalesce(held.error_message, held.reason)
      else 'superseded by a newer job with the same key' end,
    d.metadata, coalesce(held.progress, d.progress), held.attempt, held.max_attempts,
    held.priority, q.queue_name, held.key, held.created_at, held.run_at,
    to_timestamp(held.started_ms / 1000), to_timestamp(held.finished_ms / 1000),
    d.correlation_id, d.created_by, d.parent_id, held.locked_by
  from held
  join ${queue}._private_tasks t on t.id = held.task_id
  left join ${queue}._private_job_queues q on q.id = held.job_queue_id
  left join ${own}.job_details d on d.job_id = held.id
  where held.ending in ('failed', 'cancelled')
  ${replaceRecord}
),
woken as (
  -- Due again at once: let whoever is free take it.
  select pg_notify('jobs:insert', json_build_object('r', random(), 'count', count(*))::text)
  from held where ending = 'returned' or (ending = 'retrying' and delay_ms <= 0)
  having count(*) > 0
)
select held.id, held.ending, (select count(*) from woken) from held`;
}

/**
 * Of settlements that were not ours when they were sent again: those that had landed the first
 * time. The others were lost to another owner.
 */
export async function landedBefore(
  db: pg.Pool,
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
