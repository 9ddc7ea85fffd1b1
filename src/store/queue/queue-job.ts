/**
 * One fetched row of the queue as a Job. Most attempts look at two or three of a job's
 * columns, so the values are kept as Postgres sent them and read when asked for.
 */

import type { GraphileJob } from "../../core/context.ts";
import type { Job, JobEnding, Json } from "../../core/job.ts";
import type { JobRetry } from "../../core/retry-policy.ts";

/** The columns of a fetched row, in the order the statement returns them; all as text. */
export type QueueRow = [
  id: string,
  taskId: string,
  payload: string,
  attempts: string,
  // Null for 25, the queue's default.
  maxAttempts: string | null,
  // Null for 0.
  priority: string | null,
  runAtSeconds: string,
  // Null when it is the same as runAt: due at once, as most jobs are.
  createdAtSeconds: string | null,
  lastError: string | null,
  key: string | null,
  queueName: string | null,
  revision: string | null,
  flags: string | null,
  // A row of job_details as JSON; most jobs have none.
  details: string | null,
  // Where in the table the row is, until somebody changes it.
  place: string,
  // Only from the statement that leaves serial queues out: "t" when one has a job waiting.
  serialJobsWait?: string,
];

/** What of a row of job_details is read here. */
interface JobDetails {
  readonly correlation_id: string | null;
  readonly created_by: string | null;
  // As text: it may pass 2^53.
  readonly parent_id: string | null;
  readonly metadata: Record<string, Json> | null;
  readonly retry: JobRetry | null;
  readonly timeout_ms: number | null;
  readonly ending: JobEnding | null;
  readonly suspect: boolean;
  readonly crashes: number;
}

/** Where in the order of the queue a job stands. */
export interface QueuePlace {
  readonly priority: number;
  /** As the database has told it, to the microsecond. */
  readonly runAtSeconds: string;
  readonly id: string;
}

export class QueueJob implements Job, GraphileJob, QueuePlace {
  readonly task: string;
  /** The process id that the queue's lock carries: settling asks for it again. */
  readonly lockedBy: string;
  readonly fetchedAt: Date;
  // Not read from the row each time: jobs are sorted by these.
  readonly priority: number;
  readonly runAtMs: number;
  readonly #row: QueueRow;
  #payload: unknown;
  #parsedDetails: JobDetails | null = null;

  constructor(row: QueueRow, task: string, lockedBy: string, fetchedAt: Date) {
    this.#row = row;
    this.priority = Number(row[5] ?? 0);
    this.runAtMs = Number(row[6]) * 1000;
    this.fetchedAt = fetchedAt;
    this.task = task;
    this.lockedBy = lockedBy;
  }

  get id(): string {
    return this.#row[0];
  }
  get payload(): unknown {
    this.#payload ??= JSON.parse(this.#row[2]);
    return this.#payload;
  }
  get attempt(): number {
    return Number(this.#row[3]);
  }
  get maxAttempts(): number {
    return Number(this.#row[4] ?? 25);
  }
  get runAt(): Date {
    return new Date(this.runAtMs);
  }
  get createdAt(): Date {
    return this.#row[7] === null ? this.runAt : new Date(Number(this.#row[7]) * 1000);
  }
  get lastError(): string | null {
    return this.#row[8];
  }
  get key(): string | null {
    return this.#row[9];
  }
  get queue(): string | null {
    return this.#row[10];
  }
  get revision(): number {
    return Number(this.#row[11] ?? 0);
  }
  get flags(): Record<string, boolean> | null {
    return parsed(this.#row[12]);
  }
  /** Whether there is a row of details that ends with the job. */
  get hasDetails(): boolean {
    return this.#row[13] !== null;
  }
  /** Where the queue's row was when it was locked: the short way to it while it is unchanged. */
  get place(): string {
    return this.#row[14];
  }
  get runAtSeconds(): string {
    return this.#row[6];
  }
  /** Whether some serial queue had a job waiting when this one was fetched. */
  get serialJobsWait(): boolean {
    return this.#row[15] === "t";
  }
  get correlationId(): string | null {
    return this.#details?.correlation_id ?? null;
  }
  get createdBy(): string | null {
    return this.#details?.created_by ?? null;
  }
  get parentId(): string | null {
    return this.#details?.parent_id ?? null;
  }
  get metadata(): Record<string, Json> | null {
    return this.#details?.metadata ?? null;
  }
  get retry(): JobRetry | null {
    return this.#details?.retry ?? null;
  }
  get timeoutMs(): number | false | null {
    const timeoutMs = this.#details?.timeout_ms ?? null;
    return timeoutMs === 0 ? false : timeoutMs;
  }
  get ending(): JobEnding | null {
    return this.#details?.ending ?? null;
  }
  get suspect(): boolean {
    return this.#details?.suspect ?? false;
  }
  get crashes(): number {
    return this.#details?.crashes ?? 0;
  }

  get #details(): JobDetails | null {
    if (this.#row[13] === null) return null;
    this.#parsedDetails ??= parsed<JobDetails>(this.#row[13]);
    return this.#parsedDetails;
  }

  // graphile-worker's names, for handlers written for it.
  get task_identifier(): string {
    return this.task;
  }
  get attempts(): number {
    return this.attempt;
  }
  get max_attempts(): number {
    return this.maxAttempts;
  }
  get last_error(): string | null {
    return this.lastError;
  }
  get created_at(): Date {
    return this.createdAt;
  }
  get updated_at(): Date {
    return this.fetchedAt;
  }
  get run_at(): Date {
    return this.runAt;
  }
  get locked_at(): Date {
    return this.fetchedAt;
  }
  get locked_by(): string {
    return this.lockedBy;
  }
  get queue_name(): string | null {
    return this.queue;
  }
}

function parsed<T>(text: string | null): T | null {
  return text === null ? null : JSON.parse(text);
}

/** In the order they should start: the statement returns a set, not a sequence. */
export function byPriority(a: QueueJob, b: QueueJob): number {
  return a.priority - b.priority || a.runAtMs - b.runAtMs || compareIds(a.id, b.id);
}

function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
