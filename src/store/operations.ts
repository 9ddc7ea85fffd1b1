/**
 * Cancel, retry, run now: one job, or all that a filter matches. What that means for a job is in
 * `migrations/0007-operations.sql`; here is how it is asked for, in pieces that hold few locks.
 */

import { errorChain, readProperty } from "../core/error-chain.ts";
import { TaskrunError, type TaskrunErrorCode } from "../core/errors.ts";
import type { JobFilter } from "./job-filter.ts";
import type { Schemas } from "./schemas.ts";
import type { SqlRunner } from "./sql-runner.ts";
import { retryTransient } from "./transient.ts";

/**
 * `cancelled`: it is. `cancelling`: it runs and has been told to stop, or compensates its steps
 * first. `completed`, `failed`: it had ended before.
 */
export type CancelResult = "cancelled" | "cancelling" | "completed" | "failed";

/** `due`: it is. Else what it is instead, so that there was nothing to do. */
export type RunNowResult = "due" | "running" | "completed" | "failed" | "cancelled";

/**
 * `due`: it is. `key taken`: a newer job has its key. `secrets gone`: only its record is left, which
 * lacks them. Else what it is instead.
 */
export type RetryResult = "due" | "key taken" | "secrets gone" | "running" | "completed";

/** A job that a filter matched, and what became of it; `gone`: it was removed meanwhile. */
export interface ChangedJob<Result extends string> {
  readonly id: string;
  readonly state: Result | "gone";
}

export interface CancelOptions {
  /** Kept as the job's error. Default: none. */
  readonly reason?: string | undefined;
  /** Who asked for it; kept behind the reason. Default: nobody. */
  readonly requestedBy?: string | undefined;
}

/** Which jobs: at least one choice, or `all`. */
export interface JobChoice extends Omit<JobFilter, "before" | "fingerprint" | "payload"> {
  /** Default: no limit. */
  readonly limit?: number;
  /** Every job that can be cancelled, retried or run now. */
  readonly all?: boolean;
}

export type Operation = "cancel" | "retry" | "run_now";

/** In one transaction: enough to be quick, few enough to hold up nobody. */
const jobsPerStatement = 500;

/** @throws TaskrunError `job-not-found` */
export async function cancelJob(
  db: SqlRunner,
  { own }: Schemas,
  id: string,
  options: CancelOptions = {},
): Promise<CancelResult> {
  const text = `select ${own}.cancel_job($1, $2, $3) as state`;
  // why: the function returns these words
  return (await change(db, text, [known(id), ...noted(options)])) as CancelResult;
}

/**
 * Makes a failed or cancelled job due, with all its attempts; returns its id.
 *
 * @throws TaskrunError `job-not-found`, and `wrong-job-state` for one that can't be retried
 */
export function retryJob(db: SqlRunner, { own }: Schemas, id: string): Promise<string> {
  return change(db, `select ${own}.retry_job($1)::text as state`, [known(id)]);
}

/**
 * Makes a waiting job due.
 *
 * @throws TaskrunError `job-not-found`, and `wrong-job-state` for one that waits for others
 */
export async function runJobNow(
  db: SqlRunner,
  { own }: Schemas,
  id: string,
): Promise<RunNowResult> {
  // why: the function returns these words
  return (await change(db, `select ${own}.run_now($1) as state`, [known(id)])) as RunNowResult;
}

/**
 * The jobs that the operation would take, by id.
 *
 * @throws TaskrunError `bad-job-filter`
 */
export async function matchingJobs(
  db: SqlRunner,
  { own }: Schemas,
  operation: Operation,
  choice: JobChoice,
): Promise<string[]> {
  const text = `select job::text as id from ${own}.matching_jobs($1, $2::text::jsonb) as job`;
  const rows = await ask(db, text, [operation, filterJson(choice)]);
  return rows.map((row) => String(row.id));
}

/** @throws TaskrunError `bad-job-filter` */
export function cancelJobs(
  db: SqlRunner,
  schemas: Schemas,
  choice: JobChoice,
  options: CancelOptions = {},
): Promise<ChangedJob<CancelResult>[]> {
  const call = `${schemas.own}.cancel_jobs($1::text::jsonb, $2, $3)`;
  return changeMany(db, schemas, { operation: "cancel", call, more: noted(options) }, choice);
}

/**
 * Failed jobs; cancelled ones too if the choice has their state or ids.
 *
 * @throws TaskrunError `bad-job-filter`
 */
export function retryJobs(
  db: SqlRunner,
  schemas: Schemas,
  choice: JobChoice,
): Promise<ChangedJob<RetryResult>[]> {
  const call = `${schemas.own}.retry_jobs($1::text::jsonb)`;
  return changeMany(db, schemas, { operation: "retry", call, more: [] }, choice);
}

/** @throws TaskrunError `bad-job-filter` */
export function runJobsNow(
  db: SqlRunner,
  schemas: Schemas,
  choice: JobChoice,
): Promise<ChangedJob<RunNowResult | "blocked">[]> {
  const call = `${schemas.own}.run_jobs_now($1::text::jsonb)`;
  return changeMany(db, schemas, { operation: "run_now", call, more: [] }, choice);
}

interface Statement {
  readonly operation: Operation;
  readonly call: string;
  readonly more: readonly string[];
}

async function changeMany<Result extends string>(
  db: SqlRunner,
  schemas: Schemas,
  { operation, call, more }: Statement,
  choice: JobChoice,
): Promise<ChangedJob<Result>[]> {
  const ids = await matchingJobs(db, schemas, operation, choice);
  // `changed.id`: the column of the answer is text, and 10 would come before 9.
  const text = `select id::text, state from ${call} as changed order by changed.id`;
  const changed: ChangedJob<Result>[] = [];
  for (let from = 0; from < ids.length; from += jobsPerStatement) {
    // Asked with the whole choice: a job may have become another meanwhile.
    const piece = { ...choice, ids: ids.slice(from, from + jobsPerStatement) };
    const rows = await retryTransient(() => ask(db, text, [filterJson(piece), ...more]), {
      retries: isConflict,
    });
    // why: the statement returns these two, and the words of its function
    changed.push(...(rows as unknown as ChangedJob<Result>[]));
  }
  return changed;
}

async function change(db: SqlRunner, text: string, values: string[]): Promise<string> {
  const [row] = await ask(db, text, values);
  return String(row?.state);
}

async function ask(db: SqlRunner, text: string, values: string[]) {
  try {
    return (await db.query(text, values)).rows;
  } catch (error) {
    throw inPlainWords(error);
  }
}

/** By the SQLSTATE of what our functions raise. */
const codes: Readonly<Record<string, TaskrunErrorCode>> = {
  P0002: "job-not-found",
  "55000": "wrong-job-state",
  "22023": "bad-job-filter",
};

function inPlainWords(error: unknown): unknown {
  for (const each of errorChain(error)) {
    const code = codes[String(readProperty(each, "code"))];
    const message = readProperty(each, "message");
    if (code === undefined || typeof message !== "string") continue;
    const hint = readProperty(each, "hint");
    const nextStep = typeof hint === "string" ? { nextStep: hint } : {};
    const what = message.charAt(0).toUpperCase() + message.slice(1);
    return new TaskrunError(code, what, { cause: error, ...nextStep });
  }
  return error;
}

/** A deadlock or a serialization failure: nothing was done, and it won't happen twice. */
function isConflict(error: unknown): boolean {
  return errorChain(error).some((each) => /^40/.test(String(readProperty(each, "code"))));
}

const largestId = 2n ** 63n - 1n;

/** @throws TaskrunError `job-not-found` for what can't be an id */
function known(id: string): string {
  if (/^\d{1,19}$/.test(id) && BigInt(id) <= largestId) return id;
  throw new TaskrunError("job-not-found", `There is no job ${JSON.stringify(id)}`);
}

function noted({ reason, requestedBy }: CancelOptions): [string, string] {
  return [storableText(reason), storableText(requestedBy)];
}

function storableText(text = ""): string {
  return text.toWellFormed().replaceAll("\0", "");
}

function filterJson({ correlationId, since, until, ...choice }: JobChoice): string {
  return JSON.stringify({ ...choice, correlation_id: correlationId, since, until });
}
