/**
 * What a handler gets as its second argument: the public interface only.
 * A superset of graphile-worker's helpers, so that its handlers run unchanged.
 */

import type { Pool, PoolClient, QueryResult, QueryResultRow } from "pg";
import type { Duration } from "./duration.ts";
import type { EnqueueOptions, Job, Json } from "./job.ts";
import type { Logger } from "./logger.ts";
import type { Directive } from "./outcome.ts";

/** The last progress a handler reported. */
export interface Progress {
  readonly done: number;
  readonly total: number | null;
  readonly message: string | null;
}

export interface StepOptions<T> {
  /**
   * Undoes the step, given its result, when the job ends as failed or cancelled. Steps are undone
   * in the reverse order of their completion. May run more than once: at least once is promised.
   */
  compensate?: (result: T) => unknown;
  /**
   * Its result is a secret: not shown, and kept no longer than the job can still run. What is
   * secret in the payload needs no word here. Default false.
   */
  secret?: boolean;
}

export interface OnceOptions {
  /** How long the result is kept and the function not run again; false = for ever. Default "24h". */
  retain?: Duration | false;
}

/** What has become of a job that `ctx.waitFor` waited for. */
export interface EndedJob<Output = unknown> {
  readonly id: string;
  /** null, as everything else, when nothing is kept of the job any more. */
  readonly task: string | null;
  readonly state: "completed" | "failed" | "cancelled" | null;
  /** null unless it has completed with one. */
  readonly output: Output | null;
  readonly error: string | null;
}

export interface TaskContext {
  readonly jobId: string;
  /** The task's name; also when the job was queued under an alias. */
  readonly task: string;
  /** As the handler gets it: parsed by the task's schema. */
  readonly payload: unknown;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly runAt: Date;
  readonly key: string | null;
  readonly queue: string | null;
  readonly priority: number;
  readonly correlationId: string | null;
  readonly createdBy: string | null;
  readonly metadata: Readonly<Record<string, Json>> | null;
  readonly parentId: string | null;

  /** Writes lines that carry jobId, task, attempt and correlationId. */
  readonly log: Logger;
  /** The same as `log`, in graphile-worker's manner: takes (message, fields) too, has `scope`. */
  readonly logger: GraphileLogger;
  /** Aborts on timeout, cancel and shutdown; its `reason` is an error that says which. */
  readonly signal: AbortSignal;
  /** The same as `signal`, under graphile-worker's name. */
  readonly abortSignal: AbortSignal;
  /** Rejects with the signal's reason when it aborts. */
  readonly abortPromise: Promise<never>;

  /**
   * Reports progress: shown in logs and kept with the job. Written at most twice a second;
   * the last call always is.
   */
  progress(done: number, total?: number, message?: string): Promise<void>;
  /** Enqueues another job; it inherits the correlation id and has this job as its parent. */
  enqueue(task: string, payload?: unknown, options?: EnqueueOptions): Promise<{ id: string }>;
  /** The same as `enqueue`, taking graphile-worker's option names (`jobKey`, `queueName`) too. */
  addJob(
    task: string,
    payload?: unknown,
    options?: EnqueueOptions & GraphileAddJobOptions,
  ): Promise<{ id: string }>;
  /** graphile-worker's bulk form of `addJob`. Each job is added on its own, not all or none. */
  addJobs(
    specs: readonly GraphileJobSpec[],
    jobKeyPreserveRunAt?: boolean,
  ): Promise<readonly { id: string }[]>;
  /** This job's serial queue. */
  getQueueName(queueId?: number | null): Promise<string | null>;
  /** Runs one statement on the handlers' pool. */
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<Row>>;
  /** Lends a client of the handlers' pool, for a transaction say. */
  readonly withPgClient: WithPgClient & {
    /** Tries again, up to three times, when the connection or the server failed under it. */
    readonly withRetries: WithPgClient;
  };
  /** The handlers' pool itself, for libraries that want one. */
  readonly pool: Pool;

  /**
   * Runs `fn` and keeps its result with the job. In every later attempt of the job the kept
   * result is returned and `fn` not run again. The result must be JSON that comes back as it was.
   *
   * @param name its own within the job: number the steps of a loop
   * @throws StepError (permanent) for a name that is taken or a result that can't be kept
   */
  step<T>(name: string, fn: () => T | Promise<T>, options?: StepOptions<NoInfer<T>>): Promise<T>;
  /**
   * Runs `fn` at most once for a key, across all jobs and processes, as long as its result is
   * retained; whoever asks later gets the kept result. While another job is at it, this one is
   * snoozed and tries again.
   *
   * @throws StepError (permanent) for a key or a result that can't be kept
   */
  once<T>(key: string, fn: () => T | Promise<T>, options?: OnceOptions): Promise<T>;

  /**
   * Resolves with what has become of these jobs, in the order asked, when all of them have ended,
   * however they did. Before that it ends the attempt, by an error that must not be caught: the
   * job is blocked, holds no slot and spends no attempt, and its handler runs again from the start
   * when they have ended. What comes before belongs into steps.
   *
   * @throws PermanentError for this job's own id and for what is no job's id
   */
  waitFor<Output = unknown>(ids: readonly string[]): Promise<readonly EndedJob<Output>[]>;

  /**
   * Ends the job as completed inside the handler's own transaction: what the handler wrote there
   * and the job's end are committed together, or neither. The last statement before the commit;
   * the handler should then return. If the transaction is rolled back, the attempt has failed.
   *
   * @param tx a client of pg inside a transaction, as `withPgClient` lends
   * @throws ShutdownError when the job was given to another process meanwhile: roll back
   */
  complete(tx: CompletesJob, output?: unknown): Promise<void>;

  /** Return it: the job runs again after `delay`, and this attempt does not count. */
  snooze(delay: string | number, reason?: string): Directive;
  /** Return it: the job ends as cancelled. */
  cancel(reason?: string): Directive;

  /** The whole row. graphile-worker's names (`task_identifier`, `max_attempts`) are on it too. */
  readonly job: Job & GraphileJob;
}

/** What `complete` asks of a transaction: a client of pg. */
export type CompletesJob = Pick<PoolClient, "query">;

export type WithPgClient = <T>(use: (client: PoolClient) => Promise<T>) => Promise<T>;

/** A logger that graphile-worker's handlers can use as theirs. */
export interface GraphileLogger extends Logger {
  /** A logger whose lines carry these fields too. */
  scope(fields: Record<string, unknown>): GraphileLogger;
}

/** One job of `addJobs`. */
export interface GraphileJobSpec extends EnqueueOptions, GraphileAddJobOptions {
  identifier: string;
  payload?: unknown;
}

/** graphile-worker's names for what `EnqueueOptions` says. */
export interface GraphileAddJobOptions {
  jobKey?: string;
  jobKeyMode?: "replace" | "preserve_run_at" | "unsafe_dedupe";
  queueName?: string;
  flags?: string[];
}

/** graphile-worker's names for a job's columns, as its handlers read them from `helpers.job`. */
export interface GraphileJob {
  readonly id: string;
  readonly task_identifier: string;
  readonly payload: unknown;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly last_error: string | null;
  readonly created_at: Date;
  readonly run_at: Date;
  readonly key: string | null;
  readonly queue_name: string | null;
  readonly priority: number;
  readonly revision: number;
  readonly flags: Readonly<Record<string, boolean>> | null;
}
