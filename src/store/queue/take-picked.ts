/**
 * What all statements that fetch have in common: the way they lock what they have picked, and
 * from the rows they return to jobs.
 */

import type { RowSource } from "../kept-connection.ts";
import type { Parameter } from "../ready-statement.ts";
import { byPriority, QueueJob, type QueueRow } from "./queue-job.ts";

// Everything stays text: most columns of most jobs are never looked at.
export const asText = { getTypeParser: () => (value: string) => value };

/**
 * A condition: the column is one of the parameter's integers. Postgres looks through the array of
 * an `= any` from its begin for each row, unless it is a constant; a set made once for the statement
 * is as quick with a thousand tasks as with one. (The `is true` keeps it from becoming a join.)
 */
export function isAmong(column: string, parameter: string): string {
  return `(${column} in (select unnest(${parameter}::int[]))) is true`;
}

/**
 * The columns of QueueRow, of `jobs` and with the name of its serial queue. What most jobs share
 * is null, which costs next to nothing to send and to read.
 */
function rowColumns(queueName: string, details: string): string {
  const columns = [
    "jobs.id",
    "jobs.task_id",
    "jobs.payload",
    "jobs.attempts",
    "nullif(jobs.max_attempts, 25)",
    "nullif(jobs.priority, 0)",
    "date_part('epoch', jobs.run_at)",
    "date_part('epoch', nullif(jobs.created_at, jobs.run_at))",
    "jobs.last_error",
    "jobs.key",
    queueName,
    "nullif(jobs.revision, 0)",
    "jobs.flags",
    details,
    "jobs.ctid",
  ];
  return columns.map((column) => `${column} as ${anyName}`).join(",\n  ");
}

function detailsOf(own: string): string {
  return `case when (select exists (select 1 from ${own}.job_details)) then (
      select json_build_object('correlation_id', d.correlation_id, 'created_by', d.created_by,
        'parent_id', d.parent_id::text, 'metadata', d.metadata, 'retry', d.retry,
        'timeout_ms', d.timeout_ms, 'ending', d.ending, 'suspect', d.suspect,
        'crashes', d.crashes)
      from ${own}.job_details d where d.job_id = jobs.id) end`;
}

// Read by their places. pg makes an object of each answer's names, wanted or not.
const anyName = "v";

/**
 * The end of a statement: locks for the process $1 what is in `picked` (id, queue_name) and
 * returns it in the order of QueueRow.
 */
export function takePicked(queue: string, own: string, picked = "picked"): string {
  return `update ${queue}._private_jobs jobs
set attempts = jobs.attempts + 1, locked_by = $1::text, locked_at = now()
from ${picked} as picked
where jobs.id = picked.id
returning ${rowColumns("picked.queue_name", detailsOf(own))}`;
}

/**
 * The same for jobs without a serial queue. `places` is a statement that picks and locks them and
 * returns where they are: they are found again by that, all at once, rather than one by one or by
 * an index. A job that was changed and locked in the same moment is passed over.
 */
export function takePlaces(queue: string, own: string, places: string): string {
  return takeAt(queue, places, detailsOf(own));
}

/** Where it is known that no job has details: looking for them is a tenth of a small fetch. */
export function takeBarePlaces(queue: string, places: string): string {
  return takeAt(queue, places, "null::text");
}

function takeAt(queue: string, places: string, details: string): string {
  return `update ${queue}._private_jobs jobs
set attempts = jobs.attempts + 1, locked_by = $1::text, locked_at = now()
where jobs.ctid = any (array(${places}))
returning ${rowColumns("null::text", details)}`;
}

/** A statement that reads the jobs $2 which the process $1 has locked, as `takePicked` does. */
export function readTaken(queue: string, own: string): string {
  const queueName = `(
    select q.queue_name from ${queue}._private_job_queues q where q.id = jobs.job_queue_id)`;
  return `select ${rowColumns(queueName, detailsOf(own))}
from unnest($2::bigint[]) as taken (id)
join ${queue}._private_jobs jobs on jobs.id = taken.id and jobs.locked_by = $1::text`;
}

export interface FetchedFor {
  readonly processId: string;
  /** From the queue's task ids to the names jobs were queued under. */
  readonly taskNames: ReadonlyMap<number, string>;
}

/** Sends a statement that ends in `takePicked`; the jobs are in the order they should start. */
export async function sendFetch(
  db: RowSource,
  name: string,
  text: string,
  values: Parameter[],
  fetchedFor: FetchedFor,
): Promise<QueueJob[]> {
  const { rows } = await db.query({ name, text, values, rowMode: "array", types: asText });
  return toJobs(rows, fetchedFor);
}

/** Rows of QueueRow as jobs, in the order they should start. */
export function toJobs(
  rows: readonly (string | null)[][],
  { processId, taskNames }: FetchedFor,
): QueueJob[] {
  const jobs: QueueJob[] = [];
  const fetchedAt = new Date();
  for (const row of rows) {
    // A task id that we did not ask for can't come back.
    const task = taskNames.get(Number(row[1])) ?? "";
    // why: the statement returns exactly these columns
    jobs.push(new QueueJob(row as QueueRow, task, processId, fetchedAt));
  }
  return jobs.length > 1 ? jobs.sort(byPriority) : jobs;
}
