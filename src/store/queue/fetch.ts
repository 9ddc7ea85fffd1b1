/**
 * Takes due jobs from the queue: picks, locks and counts the attempt in one statement.
 *
 *   unqueued   the best jobs without a serial queue, straight off graphile-worker's index
 *   waiting    each serial queue that has a waiting job (one index step per queue, not per job)
 *   heads      the first due job of each of those queues that is free; locks the queue's row
 *   queued     the same jobs, locked; a job that changed since is left out
 *   picked     the best of both, as many as were asked for
 *
 * Ordered by priority, then run_at, as graphile-worker orders, then by id: jobs added by one call
 * share a run_at. An index of ours has them in that order.
 */

import type pg from "pg";
import { oncePer } from "../../core/once-per.ts";
import type { RowSource } from "../kept-connection.ts";
import type { Parameter } from "../ready-statement.ts";
import type { Schemas } from "../schemas.ts";
import { QueueJob, type QueuePlace, type QueueRow } from "./queue-job.ts";
import { serialHeads } from "./serial-heads.ts";
import {
  asText,
  isAmong,
  sendFetch,
  takeBarePlaces,
  takePicked,
  takePlaces,
} from "./take-picked.ts";

/** What every look at the queue says. */
export interface LookRequest {
  /** What the locks will carry. */
  readonly processId: string;
  /** From the queue's task ids to the names jobs were queued under. Only these are fetched. */
  readonly taskNames: ReadonlyMap<number, string>;
  readonly limit: number;
}

export interface FetchRequest extends LookRequest {
  /** Only jobs before all of this priority. Default: of any priority. */
  readonly moreUrgentThan?: number;
}

/** Locks at most `limit` due jobs, best first. Throws what the database throws. */
export function fetchJobs(
  db: RowSource,
  schemas: Schemas,
  request: FetchRequest,
): Promise<QueueJob[]> {
  return sendFetch(db, "taskrun fetch", fetchStatement(schemas), fetchValues(request), request);
}

/**
 * Locks at most `limit` due jobs that have no serial queue and come after `after`, best first. For
 * a deep queue: a quarter cheaper than `fetchJobs`, and it doesn't read again what was taken before
 * (dead rows, which stand in front until a vacuum), nor what can't be taken. Fewer than `limit`
 * doesn't mean that nothing else is due: what somebody changed at this very moment is passed over.
 * `inTurn`: waits until no other process is at such a fetch, and then finds nothing that one of
 * them has just taken.
 */
export async function fetchPlainJobs(
  db: RowSource,
  schemas: Schemas,
  request: LookRequest & { readonly after: QueuePlace; readonly inTurn?: boolean },
): Promise<{ jobs: QueueJob[]; serialJobsWait: boolean }> {
  const { priority, runAtSeconds, id } = request.after;
  const values = [...plainValues(request), priority, runAtSeconds, id];
  const { inTurn = false } = request;
  const name = inTurn ? "taskrun fetch in turn" : "taskrun fetch plain";
  const text = inTurn ? inTurnStatement(schemas) : plainStatement(schemas);
  const jobs = await sendFetch(db, name, text, values, request);
  return { jobs, serialJobsWait: jobs[0]?.serialJobsWait ?? true };
}

/**
 * Locks at most `limit` due jobs, best first, provided that no job of a serial queue waits and none
 * has details: else none, and none doesn't mean that nothing is due. Most of what `fetchJobs` costs
 * the server goes into making that statement ready to run; this one is much cheaper. Passes over
 * what `fetchPlainJobs` does.
 */
export function fetchIfPlain(
  db: RowSource,
  schemas: Schemas,
  request: LookRequest,
): Promise<QueueJob[]> {
  const isFew = request.taskNames.size <= fewTasks;
  const name = isFew ? "taskrun fetch if plain, few tasks" : "taskrun fetch if plain";
  const text = (isFew ? ifPlainOfFewStatement : ifPlainStatement)(schemas);
  return sendFetch(db, name, text, plainValues(request), request);
}

// Looking through so many for each row is less than making a set of them once.
const fewTasks = 16;

function plainValues({ processId, taskNames, limit }: LookRequest): Parameter[] {
  return [processId, [...taskNames.keys()], limit];
}

// One more than the least urgent: the column is a smallint.
const anyPriority = 32_768;

function fetchValues({ moreUrgentThan = anyPriority, ...request }: FetchRequest): Parameter[] {
  return [...plainValues(request), moreUrgentThan];
}

/**
 * Locks one job by its id, whether it is due or not. Null when it is not in the queue, locked,
 * failed for good, or behind another job of its serial queue that runs.
 */
export async function fetchJob(
  db: pg.Pool,
  schemas: Schemas,
  request: { readonly processId: string; readonly id: string },
): Promise<QueueJob | null> {
  const { queue, own } = schemas;
  const { rows } = await db.query<string[], [string, string]>({
    text: `
with free_queue as materialized (
  select q.id, q.queue_name from ${queue}._private_job_queues q
  where q.is_available = true
    and q.id = (select job_queue_id from ${queue}._private_jobs where id = $2::bigint)
  for update
),
picked as (
  select j.id, q.id as queue_id, q.queue_name, t.identifier
  from ${queue}._private_jobs j
  join ${queue}._private_tasks t on t.id = j.task_id
  left join free_queue q on q.id = j.job_queue_id
  where j.id = $2::bigint and j.is_available = true
    and (j.job_queue_id is null or q.id is not null)
  for update of j
),
queues as (
  update ${queue}._private_job_queues q set locked_by = $1::text, locked_at = now()
  from picked where q.id = picked.queue_id
)
${takePicked(queue, own)}, picked.identifier`,
    values: [request.processId, request.id],
    rowMode: "array",
    types: asText,
  });
  const row = rows[0];
  if (row === undefined) return null;
  const task = row[row.length - 1] ?? "";
  // why: the statement returns exactly these columns, and the task's name after them
  return new QueueJob(row.slice(0, -1) as QueueRow, task, request.processId, new Date());
}

// The function has the other statement's text; see there (0029) why it is a function.
const inTurnStatement = oncePer(
  ({ own }: Schemas): string =>
    `select * from ${own}.fetch_in_turn($1, $2, $3, $4::smallint, $5, $6)`,
);

const plainStatement = oncePer(({ queue, own }: Schemas): string => {
  const places = plainPlaces(
    queue,
    "(priority, run_at, id) > ($4::smallint, to_timestamp($5::float8), $6::bigint)",
  );
  return `
${takePlaces(queue, own, places)}, ${serialJobsWait(queue)}`;
});

const ifPlainStatement = oncePer((schemas: Schemas) => ifPlain(schemas, isAmong("task_id", "$2")));
const ifPlainOfFewStatement = oncePer((schemas: Schemas) =>
  ifPlain(schemas, "task_id = any ($2::int[])"),
);

function ifPlain({ queue, own }: Schemas, ofTheTasks: string): string {
  const allPlain = `not (${serialJobsWait(queue)}
    or (select exists (select 1 from ${own}.job_details)))`;
  return takeBarePlaces(queue, plainPlaces(queue, allPlain, ofTheTasks));
}

function plainPlaces(
  queue: string,
  condition: string,
  ofTheTasks = isAmong("task_id", "$2"),
): string {
  return `
  select ctid from ${queue}._private_jobs
  where is_available = true and job_queue_id is null
    and run_at <= now() and ${ofTheTasks}
    and ${condition}
  order by priority, run_at, id
  limit $3::int
  for update skip locked`;
}

function serialJobsWait(queue: string): string {
  return `(select exists (
    select 1 from ${queue}._private_jobs where is_available = true and job_queue_id is not null))`;
}

const fetchStatement = oncePer(
  ({ queue, own }: Schemas): string => `
with recursive
unqueued as (
  select id, priority, run_at from ${queue}._private_jobs
  where is_available = true and job_queue_id is null
    and priority < $4::int and run_at <= now() and ${isAmong("task_id", "$2")}
  order by priority, run_at, id
  limit $3::int
  for update skip locked
),
${serialHeads(queue, { tasks: "$2", moreUrgentThan: "$4" })},
queued as (
  select j.id, j.priority, j.run_at, heads.queue_id, heads.queue_name
  from heads join ${queue}._private_jobs j on j.id = heads.id
  where j.is_available = true and j.run_at <= now() and j.job_queue_id = heads.queue_id
  for update of j skip locked
),
picked as materialized (
  select id, priority, run_at, null::int as queue_id, null::text as queue_name from unqueued
  union all
  select id, priority, run_at, queue_id, queue_name from queued
  order by 2, 3, 1
  limit $3::int
),
queues as (
  update ${queue}._private_job_queues q set locked_by = $1::text, locked_at = now()
  from picked where q.id = picked.queue_id
)
${takePicked(queue, own)}`,
);
