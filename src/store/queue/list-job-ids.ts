/**
 * Finds the newest jobs that a filter matches, without reading the others: the view is a union,
 * which Postgres would build whole before it sorts. The queue and the history are each walked
 * from their newest id on until there are enough.
 */

import type pg from "pg";
import type { JobState } from "../../core/job.ts";
import type { JobFilter } from "../job-filter.ts";
import type { Schemas } from "../schemas.ts";

const isFailed = "(j.locked_at is null and j.attempts >= j.max_attempts)";
const waits = "(j.locked_at is null and j.attempts < j.max_attempts)";
const isBlocked = "(d.blocked_run_at is not null and j.run_at = 'infinity')";
const hasFailedOnce = "(j.attempts > 0 and j.last_error is not null or d.ending is not null)";
const freshlyWaits = `${waits} and not ${hasFailedOnce} and ${isBlocked} is not true`;

/** What the view calls each state, as a condition on the queue's row; null = not in the queue. */
const inQueue: Readonly<Record<JobState, string | null>> = {
  running: "j.locked_at is not null",
  failed: isFailed,
  blocked: `${waits} and ${isBlocked}`,
  retrying: `${waits} and ${hasFailedOnce} and ${isBlocked} is not true`,
  scheduled: `${freshlyWaits} and j.run_at > now()`,
  pending: `${freshlyWaits} and j.run_at <= now()`,
  completed: null,
  cancelled: null,
};

const ended: ReadonlySet<JobState> = new Set(["completed", "failed", "cancelled"]);

/** Newest first. */
export async function listJobIds(
  db: Pick<pg.Pool, "query">,
  schemas: Schemas,
  filter: JobFilter,
): Promise<string[]> {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const limit = bind(filter.limit ?? 50);
  const parts = [
    queuedIds(schemas, filter, bind, limit),
    endedIds(schemas, filter, bind, limit),
  ].filter((part) => part !== null);
  const { rows } = await db.query(
    `select id::text from (${parts.join(" union all ")}) as either order by either.id desc
     limit ${limit}`,
    values,
  );
  return rows.map(({ id }) => id);
}

type Bind = (value: unknown) => string;

function queuedIds(
  { queue, own }: Schemas,
  filter: JobFilter,
  bind: Bind,
  limit: string,
): string | null {
  const state = filter.state === undefined ? "true" : inQueue[filter.state];
  if (state === null) return null;
  // A failed job that the queue still holds has ended when its record says so.
  const at = `case when ${isFailed} then coalesce((select h.finished_at from ${own}.history h
    where h.job_id = j.id), j.created_at) else j.created_at end`;
  const conditions = [
    state,
    ...sharedConditions(filter, bind, {
      id: "j.id",
      at,
      correlation: "d.correlation_id",
      payload: shownPayload("j.payload", own),
    }),
    ...(filter.task === undefined ? [] : [`t.identifier = ${bind(filter.task)}`]),
    ...(filter.queue === undefined ? [] : [`q.queue_name = ${bind(filter.queue)}`]),
  ];
  return `(select j.id from ${queue}._private_jobs j
    join ${queue}._private_tasks t on t.id = j.task_id
    left join ${queue}._private_job_queues q on q.id = j.job_queue_id
    left join ${own}.job_details d on d.job_id = j.id
    left join ${own}.tasks known on known.name = t.identifier
    where ${conditions.join(" and ")} order by j.id desc limit ${limit})`;
}

function endedIds(
  { queue, own }: Schemas,
  filter: JobFilter,
  bind: Bind,
  limit: string,
): string | null {
  const { state } = filter;
  if (state !== undefined && !ended.has(state)) return null;
  const conditions = [
    // Not as a parameter: a partial index knows the states that are not "completed".
    ...(state === undefined ? [] : [`h.state = '${state}'`]),
    ...sharedConditions(filter, bind, {
      id: "h.job_id",
      at: "h.finished_at",
      correlation: "h.correlation_id",
      payload: shownPayload("h.payload", own),
    }),
    ...(filter.task === undefined ? [] : [`h.task = ${bind(filter.task)}`]),
    ...(filter.queue === undefined ? [] : [`h.queue = ${bind(filter.queue)}`]),
    `not exists (select from ${queue}._private_jobs j where j.id = h.job_id)`,
  ];
  return `(select h.job_id as id from ${own}.history h
    left join ${own}.tasks known on known.name = h.task
    where ${conditions.join(" and ")} order by h.job_id desc limit ${limit})`;
}

/**
 * As the view shows it: whoever may look must not find a secret by guessing. Postgres can't read a
 * text with a NUL or half a character out of json as it is.
 */
function shownPayload(column: string, own: string): string {
  return `(case
    when known.secrets is not null
      then ${own}.mask_json(${column}, known.secrets -> 'payload')::json
    when ${column}::text like '%\\\\u%' then ${own}.as_jsonb(${column})::json
    else ${column}::json end)`;
}

interface Columns {
  readonly id: string;
  readonly at: string;
  readonly correlation: string;
  readonly payload: string;
}

function sharedConditions(filter: JobFilter, bind: Bind, columns: Columns): string[] {
  const { id, at, correlation, payload } = columns;
  const { ids, before, since, until, correlationId } = filter;
  const conditions: string[] = [];
  if (ids !== undefined) conditions.push(`${id} = any (${bind(ids)}::bigint[])`);
  if (before !== undefined) conditions.push(`${id} < ${bind(before)}::bigint`);
  if (since !== undefined) conditions.push(`${at} >= ${bind(since)}::timestamptz`);
  if (until !== undefined) conditions.push(`${at} < ${bind(until)}::timestamptz`);
  if (correlationId !== undefined) conditions.push(`${correlation} = ${bind(correlationId)}`);
  for (const { path, value } of filter.payload ?? []) {
    conditions.push(`${payload} #>> ${bind(path)}::text[] = ${bind(value)}`);
  }
  return conditions;
}
