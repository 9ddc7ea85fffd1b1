/**
 * Writes every outcome but completed, in one statement and so in one transaction: the queue's
 * row, its serial queue, the failed attempt, the record of what has ended for good.
 */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";
import {
  fence,
  forgotten,
  type OtherSettlement,
  recordColumns,
  replaceRecord,
  takenOver,
} from "./settlement.ts";

/** What became of one settlement that was still ours. */
export interface SettledJob {
  readonly id: string;
  /** As asked for, except that a job whose key was taken over is not run again. */
  readonly state: OtherSettlement["state"];
}

/** Settles every outcome but completed; returns those that were still ours. */
export async function settleOthers(
  db: Pick<pg.Pool, "query">,
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
    remaining: s.remaining,
    error_name: s.error?.name ?? null,
    error_message: s.error?.message ?? null,
    error_stack: s.error?.stack ?? null,
    rule: s.error?.rule ?? null,
    started_ms: s.startedAtMs,
    finished_ms: s.finishedAtMs,
    progress: s.progressJson === null ? null : JSON.parse(s.progressJson),
    traceless: s.traceless === true,
  };
}

// By position and from the row itself: entries pass through no number or string of ours.
const whatRemains = `case when s.remaining is not null and json_typeof(j.payload) = 'array' then (
      select coalesce(json_agg(entry.value order by entry.position), '[]')
      from json_array_elements(j.payload) with ordinality as entry (value, position)
      where entry.position - 1 = any (s.remaining)
    ) else j.payload end`;

const superseded = "superseded by a newer job with the same key";

// A failed job stays in the queue until it is retried, unless nothing is to be kept of it.
const leaves = `(held.ending = 'cancelled' or (held.ending = 'failed' and held.traceless))`;

function othersStatement({ queue, own }: Schemas): string {
  return `
with s as materialized (
  select * from json_to_recordset($1::json) as s(id bigint, attempt int, locked_by text,
    keyed bool, state text, delay_ms float8, reason text, error_name text, error_message text,
    error_stack text, rule text, started_ms float8, finished_ms float8, progress jsonb,
    remaining int[], traceless bool)
),
held as materialized (
  select s.*, j.task_id, j.job_queue_id, ${whatRemains} as payload, j.priority, j.key,
    j.max_attempts,
    j.created_at, j.run_at,
    decided.undoing, owing.steps as owes, case when owing.steps then
      jsonb_build_object('state', 'cancelled', 'error', null, 'reason', '${superseded}')
      when s.state <> 'failed' then ended.as_decided end as as_decided,
    case when owing.steps then 'returned'
      when decided.superseded then 'cancelled' else s.state end as ending,
    now() + s.delay_ms * interval '1 millisecond' as next_run_at
  from s join ${queue}._private_jobs j on j.id = s.id
  -- Its end is decided, and it comes back until its steps are undone: no attempt of its own.
  cross join lateral (select (select d.ending from ${own}.job_details d where d.job_id = s.id)
    as as_decided) ended
  cross join lateral (select ended.as_decided is not null as undoing,
    ended.as_decided is null and ${takenOver}
      and s.state in ('retrying', 'snoozed', 'returned') as superseded) decided
  cross join lateral (select decided.superseded and exists (select 1 from ${own}.steps t
    where t.job_id = s.id and t.state = 'done' and t.compensable) as steps) owing
  where ${fence}
  for update of j
),
kept as (
  update ${queue}._private_jobs j set
    attempts = case held.ending when 'failed' then j.max_attempts
      when 'retrying' then j.attempts - held.undoing::int else greatest(j.attempts - 1, 0) end,
    run_at = case when held.ending in ('retrying', 'snoozed') then held.next_run_at
      else j.run_at end,
    payload = case when held.remaining is null then j.payload else held.payload end,
    last_error = coalesce(held.error_message, j.last_error),
    -- An add with the same key would make this job another one, whose end is not decided.
    key = case when held.undoing and held.ending <> 'failed' then null else j.key end,
    locked_by = null, locked_at = null, updated_at = now()
  from held where j.id = held.id and not ${leaves}
),
removed as (
  delete from ${queue}._private_jobs j using held
  where j.id = held.id and ${leaves}
),
freed as (
  update ${queue}._private_job_queues q set locked_by = null, locked_at = null
  from held where q.id = held.job_queue_id and q.locked_by = held.locked_by
),
progressed as (
  insert into ${own}.job_details as d (job_id, progress, ending)
  select id, progress, as_decided from held
  where (progress is not null or owes) and not ${leaves}
  on conflict (job_id) do update set progress = coalesce(excluded.progress, d.progress),
    ending = excluded.ending
),
undone as (
  -- As above: whoever retries the failed job wants it to run, by whatever statement.
  update ${own}.job_details d set ending = null from held
  where d.job_id = held.id and held.undoing and held.ending = 'failed'
    and held.progress is null and not ${leaves}
),
details as (
  delete from ${own}.job_details d using held
  where d.job_id = held.id and ${leaves}
),
attempted as (
  insert into ${own}.attempts (job_id, attempt, state, error_name, error_message, error_stack,
    rule, started_at, finished_at, next_run_at, process)
  select id, attempt, ending, error_name, error_message, error_stack, rule,
    to_timestamp(started_ms / 1000), to_timestamp(finished_ms / 1000),
    case when ending = 'retrying' then next_run_at end, locked_by
  from held where error_message is not null and not traceless
),
recorded as (
  insert into ${own}.history (${recordColumns})
  select held.id, t.identifier, held.ending, held.payload, null,
    case when held.ending = held.state then coalesce(held.error_message, held.reason)
      else '${superseded}' end,
    d.metadata, coalesce(held.progress, d.progress), held.attempt, held.max_attempts,
    held.priority, q.queue_name, held.key, held.created_at, held.run_at,
    to_timestamp(held.started_ms / 1000), to_timestamp(held.finished_ms / 1000),
    d.correlation_id, d.created_by, d.parent_id, held.locked_by
  from held
  join ${queue}._private_tasks t on t.id = held.task_id
  left join ${queue}._private_job_queues q on q.id = held.job_queue_id
  left join ${own}.job_details d on d.job_id = held.id
  where held.ending in ('failed', 'cancelled') and not held.traceless
  ${replaceRecord}
),
woken as (
  -- Due again at once: let whoever is free take it.
  select pg_notify('jobs:insert', json_build_object('r', random(), 'count', count(*))::text)
  from held where ending = 'returned' or (ending = 'retrying' and delay_ms <= 0)
  having count(*) > 0
),
${forgotten(own, "held", "ending", "coalesce(error_message, reason)")},
resolved as materialized (
  select ${own}.resolve_dependents(array_agg(id), ending) as count
  from held where ending in ('failed', 'cancelled') group by ending
)
select held.id, held.ending, (select count(*) from woken), (select count(*) from forgotten),
  (select sum(count) from resolved)
from held`;
}
