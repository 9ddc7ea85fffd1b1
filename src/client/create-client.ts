/**
 * Queues jobs and waits for them, from any process that reaches the database. Owns nothing until
 * the first call; refuses to run tasks.
 */

import type { Duration } from "../core/duration.ts";
import { parseDuration } from "../core/duration.ts";
import { CoalescedAdds } from "../runtime/enqueueing/coalesced-adds.ts";
import { createEnqueuer, type Enqueuer } from "../runtime/enqueueing/enqueue.ts";
import { getJobEnd } from "../store/jobs.ts";
import {
  type CancelOptions,
  type CancelResult,
  type ChangedJob,
  cancelJob,
  cancelJobs,
  type JobChoice,
  type RetryResult,
  type RunNowResult,
  retryJob,
  retryJobs,
  runJobNow,
  runJobsNow,
} from "../store/operations.ts";
import type { Schemas } from "../store/schemas.ts";
import type { SqlRunner } from "../store/sql-runner.ts";
import { addPlain } from "./add-plain.ts";
import { ClientDatabase } from "./client-database.ts";
import { ClientSettings } from "./client-settings.ts";
import { ClientTasks, type FindTask, type TasksOption } from "./client-tasks.ts";
import { explainDatabaseError } from "./explain-database-error.ts";
import { OpenCalls } from "./open-calls.ts";
import { transactionRunner } from "./transaction-runner.ts";
import type { EnqueuedJob, ImportedTask, JobId, JobSpec, TypedEnqueue } from "./typed-enqueue.ts";
import { waitForJob } from "./wait-for-job.ts";

export interface ClientOptions {
  /** Default: `DATABASE_URL`, else the configuration's, else the running embedded Postgres. */
  connectionString?: string;
  /** Your own pool of pg, used instead of connections of the client's; you end it. */
  pool?: SqlRunner;
  /** graphile-worker's schema. Default: the configuration's, "graphile_worker". */
  schema?: string;
  /**
   * Where payload schemas and policies come from: a folder, whose files are imported when a job
   * of theirs is first queued; or definitions by name. false = from nowhere: payloads are checked
   * when they run, and jobs have the queue's own defaults. Default: the project's tasks folder,
   * if there is one.
   */
  tasks?: TasksOption;
  /** The project's folder, with its config file and `.env`. Default: the current folder. */
  project?: string;
}

export interface WaitOptions {
  /** How long to wait at most. Default: no limit. */
  timeout?: Duration;
  /** Ends the waiting. */
  signal?: AbortSignal;
}

export interface TaskrunClient extends TypedEnqueue {
  /**
   * The same inside your transaction: the jobs are there when it commits, and never were when it
   * rolls back. Takes the transaction of pg (a client after `begin`), kysely, drizzle, prisma,
   * knex, postgres.js, or any object with `query(text, values)`.
   *
   * @throws TaskrunError `bad-transaction`
   */
  with(transaction: object): TypedEnqueue;
  /**
   * Resolves with the output when the job has completed. Looks at the job after 5 ms, then ever
   * less often, at last once a second.
   *
   * @throws JobWaitError `job-failed`, `job-cancelled`, `job-not-found` or `wait-timeout`; the
   *   signal's reason
   */
  wait<Output = unknown>(
    job: JobId<Output> | EnqueuedJob<Output>,
    options?: WaitOptions,
  ): Promise<Output>;
  /**
   * Cancels a job, whatever it is doing: one that waits at once, one that runs by telling its
   * process, whose handler's `ctx.signal` aborts. Resolves with what it came to; doesn't wait for
   * a running one's end.
   *
   * @throws TaskrunError `job-not-found`
   */
  cancel(job: JobId | EnqueuedJob, options?: CancelOptions): Promise<CancelResult>;
  /**
   * Runs a failed or cancelled job again, at once and with all its attempts, under its id.
   *
   * @throws TaskrunError `job-not-found`, `wrong-job-state`
   */
  retry<Output = unknown>(job: JobId<Output> | EnqueuedJob<Output>): Promise<EnqueuedJob<Output>>;
  /**
   * Makes a scheduled or retrying job due at once.
   *
   * @throws TaskrunError `job-not-found`; `wrong-job-state` when it waits for other jobs
   */
  runNow(job: JobId | EnqueuedJob): Promise<RunNowResult>;
  /**
   * Cancels every job that the choice matches and that has not ended, 500 in a transaction.
   * Resolves with what became of each.
   *
   * @throws TaskrunError `bad-job-filter`
   */
  cancelMany(choice: JobChoice, options?: CancelOptions): Promise<ChangedJob<CancelResult>[]>;
  /**
   * As `retry`, for all failed jobs that the choice matches; cancelled ones too if it has their
   * state or their ids.
   *
   * @throws TaskrunError `bad-job-filter`
   */
  retryMany(choice: JobChoice): Promise<ChangedJob<RetryResult>[]>;
  /**
   * As `runNow`, for all waiting jobs that the choice matches.
   *
   * @throws TaskrunError `bad-job-filter`
   */
  runManyNow(choice: JobChoice): Promise<ChangedJob<RunNowResult | "blocked">[]>;
  /**
   * Closes the client's connections. What was asked of it ends first, save for waiting: that is
   * refused with `client-closed`, as is all that comes after.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes a client. It connects, and reads the configuration, when it is first used. */
export function createClient(options: ClientOptions = {}): TaskrunClient {
  return new Client(options);
}

class Client implements TaskrunClient {
  readonly #settings: ClientSettings;
  readonly #database: ClientDatabase;
  readonly #tasks: ClientTasks;
  readonly #calls = new OpenCalls();
  #adds: CoalescedAdds | null = null;
  #usual: Enqueuer | null = null;

  constructor(options: ClientOptions) {
    const settings = new ClientSettings(options);
    this.#settings = settings;
    this.#database = new ClientDatabase({
      connectionString: () => settings.connectionString(),
      pool: options.pool,
    });
    this.#tasks = new ClientTasks(options.tasks, () => settings.config());
  }

  readonly enqueue: TypedEnqueue["enqueue"] = (task, ...[payload, options]) =>
    this.#enqueue(this.#database, task, (enqueuer, name) =>
      enqueuer.enqueue(name, payload, options),
    );

  enqueueMany(jobs: readonly JobSpec[]): Promise<EnqueuedJob[]> {
    return this.#enqueueMany(this.#database, jobs);
  }

  with(transaction: object): TypedEnqueue {
    const runner = transactionRunner(transaction);
    return {
      enqueue: (task, ...[payload, options]) =>
        this.#enqueue(runner, task, (enqueuer, name) => enqueuer.enqueue(name, payload, options)),
      enqueueMany: (jobs) => this.#enqueueMany(runner, jobs),
    };
  }

  async wait<Output>(
    job: JobId<Output> | EnqueuedJob<Output>,
    { timeout, signal }: WaitOptions = {},
  ): Promise<Output> {
    const jobId = idOf(job);
    const timeoutMs = timeout === undefined ? null : parseDuration(timeout);
    const look = () =>
      this.#operate(async (db, schemas) =>
        /^\d{1,18}$/.test(jobId) ? getJobEnd(db, schemas, jobId) : null,
      );
    // why: the output's type is what the task's file promises; the database has JSON
    return (await waitForJob({ look, jobId, timeoutMs, signal })) as Output;
  }

  cancel(job: JobId | EnqueuedJob, options: CancelOptions = {}): Promise<CancelResult> {
    return this.#operate((db, schemas) => cancelJob(db, schemas, idOf(job), options));
  }

  async retry<Output>(job: JobId<Output> | EnqueuedJob<Output>): Promise<EnqueuedJob<Output>> {
    return { id: await this.#operate((db, schemas) => retryJob(db, schemas, idOf(job))) };
  }

  runNow(job: JobId | EnqueuedJob): Promise<RunNowResult> {
    return this.#operate((db, schemas) => runJobNow(db, schemas, idOf(job)));
  }

  cancelMany(choice: JobChoice, options: CancelOptions = {}): Promise<ChangedJob<CancelResult>[]> {
    return this.#operate((db, schemas) => cancelJobs(db, schemas, choice, options));
  }

  retryMany(choice: JobChoice): Promise<ChangedJob<RetryResult>[]> {
    return this.#operate((db, schemas) => retryJobs(db, schemas, choice));
  }

  runManyNow(choice: JobChoice): Promise<ChangedJob<RunNowResult | "blocked">[]> {
    return this.#operate((db, schemas) => runJobsNow(db, schemas, choice));
  }

  async close(): Promise<void> {
    await this.#calls.close();
    await this.#database.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #enqueue(
    db: SqlRunner,
    named: string | ImportedTask,
    add: (enqueuer: Enqueuer, name: string) => Promise<{ id: string }>,
  ): Promise<EnqueuedJob<never>> {
    return this.#explained(async (schemas) => {
      const { name, findTask } =
        typeof named === "string"
          ? { name: named, findTask: this.#tasks.find }
          : await this.#tasks.named(named);
      return add(this.#enqueuerFor(db, schemas, findTask), name);
    });
  }

  /** One for all jobs of tasks by name, on connections of the client's own. */
  #enqueuerFor(db: SqlRunner, schemas: Schemas, findTask: FindTask): Enqueuer {
    if (db !== this.#database) return createEnqueuer({ db, schemas, findTask });
    const make = () => {
      const adds = this.#addsTo(schemas);
      return createEnqueuer({ db, schemas, findTask, addPlain: (job) => adds.add(job) });
    };
    if (findTask !== this.#tasks.find) return make();
    this.#usual ??= make();
    return this.#usual;
  }

  /** The jobs of all callers go together; those in somebody's transaction stay in it. */
  #addsTo(schemas: Schemas): CoalescedAdds {
    this.#adds ??= new CoalescedAdds(addPlain(this.#database, schemas));
    return this.#adds;
  }

  #enqueueMany(db: SqlRunner, jobs: readonly JobSpec[]): Promise<EnqueuedJob[]> {
    return this.#explained((schemas) =>
      createEnqueuer({ db, schemas, findTask: this.#tasks.find }).enqueueMany(jobs),
    );
  }

  #operate<Result>(run: (db: SqlRunner, schemas: Schemas) => Promise<Result>): Promise<Result> {
    return this.#explained((schemas) => run(this.#database, schemas));
  }

  #explained<Result>(ask: (schemas: Schemas) => Promise<Result>): Promise<Result> {
    return this.#calls.run(async () => {
      const schemas = await this.#settings.schemas();
      try {
        return await ask(schemas);
      } catch (error) {
        throw explainDatabaseError(error, schemas);
      }
    });
  }
}

function idOf(job: JobId | EnqueuedJob): string {
  return typeof job === "string" ? job : job.id;
}
