/**
 * One fetched row of the queue as a Job. Most attempts look at two or three of a job's
 * columns, so the values are kept as Postgres sent them and read when asked for.
 */

import type { GraphileJob } from "../../core/context.ts";
import type { Job, Json } from "../../core/job.ts";

/** The columns of a fetched row, in the order the statement returns them; all as text. */
export type QueueRow = [
  id: string,
  taskId: string,
  payload: string,
  attempts: string,
  maxAttempts: string,
  priority: string,
  runAtSeconds: string,
  // Null when it is the same as runAt: due at once, as most jobs are.
  createdAtSeconds: string | null,
  lastError: string | null,
  key: string | null,
  queueName: string | null,
  revision: string | null,
  flags: string | null,
  detailsOf: string | null,
  correlationId: string | null,
  createdBy: string | null,
  parentId: string | null,
  metadata: string | null,
  // Only from the statement that leaves serial queues out: "t" when one has a job waiting.
  serialJobsWait?: string,
];

export class QueueJob implements Job, GraphileJob {
  readonly task: string;
  /** The process id that the queue's lock carries: settling asks for it again. */
  readonly lockedBy: string;
  readonly fetchedAt: Date;
  // Not read from the row each time: jobs are sorted by these.
  readonly priority: number;
  readonly runAtMs: number;
  readonly #row: QueueRow;
  #payload: unknown;

  constructor(row: QueueRow, task: string, lockedBy: string, fetchedAt: Date) {
    this.#row = row;
    this.priority = Number(row[5]);
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
    return Number(this.#row[4]);
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
  /** Whether some serial queue had a job waiting when this one was fetched. */
  get serialJobsWait(): boolean {
    return this.#row[18] === "t";
  }
  get correlationId(): string | null {
    return this.#row[14];
  }
  get createdBy(): string | null {
    return this.#row[15];
  }
  get parentId(): string | null {
    return this.#row[16];
  }
  get metadata(): Record<string, Json> | null {
    return parsed(this.#row[17]);
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
