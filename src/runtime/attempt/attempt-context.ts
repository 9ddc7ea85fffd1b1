/**
 * What a handler holds as its second argument. Getters make things on first use; functions come
 * bound, since graphile-worker's handlers take theirs apart (`{ addJob, logger, query }`).
 */

import type { Pool, QueryResultRow } from "pg";
import type {
  CompletesJob,
  GraphileAddJobOptions,
  GraphileJob,
  GraphileLogger,
  Progress,
  TaskContext,
  WithPgClient,
} from "../../core/context.ts";
import { parseDuration } from "../../core/duration.ts";
import { TaskrunError } from "../../core/errors.ts";
import { storable } from "../../core/failure.ts";
import type { EnqueueOptions, Job, Json } from "../../core/job.ts";
import type { Logger } from "../../core/logger.ts";
import { type Directive, directiveBrand } from "../../core/outcome.ts";
import type { RunningAttempt } from "../../core/running-attempt.ts";
import type { Once } from "../steps/once.ts";
import type { Steps } from "../steps/steps.ts";
import { graphileLogger } from "./graphile-logger.ts";
import { noConnectionLeft } from "./no-connection-left.ts";
import { spreadable } from "./spreadable.ts";
import { type FindParentEnds, waitFor } from "./wait-for.ts";
import { withPgClientOf } from "./with-pg-client.ts";

/** What a context needs of its attempt. */
export interface ContextSource
  extends Pick<RunningAttempt, "job" | "task" | "payload" | "logger" | "logFields"> {
  readonly signal: AbortSignal;
  readonly abortPromise: Promise<never>;
  readonly pool: Pool;
  readonly steps: Pick<Steps, "run">;
  readonly once: Pick<Once, "run">;
  readonly parentEnds: FindParentEnds;
  keepLog(log: Logger): Logger;
  report(progress: Progress): void;
  complete(tx: CompletesJob, output: unknown): Promise<void>;
  /** Remembers what the handler waits for, for who wants to know where it hangs. */
  noteCall<T>(what: string, answer: Promise<T>): Promise<T>;
  enqueue(
    task: string,
    payload: unknown,
    options: EnqueueOptions & GraphileAddJobOptions,
  ): Promise<{ id: string }>;
}

const longestMessage = 1_000;
const shownOfQuery = 100;

class AttemptContext implements TaskContext {
  private readonly running: ContextSource;
  private readonly made: { log?: Logger; logger?: GraphileLogger; job?: Job & GraphileJob } = {};

  constructor(running: ContextSource) {
    this.running = running;
  }

  get jobId(): string {
    return this.running.job.id;
  }
  get task(): string {
    return this.running.task.name;
  }
  get payload(): unknown {
    return this.running.payload;
  }
  get attempt(): number {
    return this.running.job.attempt;
  }
  get maxAttempts(): number {
    return this.running.job.maxAttempts;
  }
  get lastError(): string | null {
    return this.running.job.lastError;
  }
  get createdAt(): Date {
    return this.running.job.createdAt;
  }
  get runAt(): Date {
    return this.running.job.runAt;
  }
  get key(): string | null {
    return this.running.job.key;
  }
  get queue(): string | null {
    return this.running.job.queue;
  }
  get priority(): number {
    return this.running.job.priority;
  }
  get correlationId(): string | null {
    return this.running.job.correlationId;
  }
  get createdBy(): string | null {
    return this.running.job.createdBy;
  }
  get metadata(): Readonly<Record<string, Json>> | null {
    return this.running.job.metadata;
  }
  get parentId(): string | null {
    return this.running.job.parentId;
  }

  get log(): Logger {
    const { made, running } = this;
    made.log ??= running.keepLog(running.logger.child(running.logFields()));
    return made.log;
  }

  get logger(): GraphileLogger {
    const { made } = this;
    made.logger ??= graphileLogger(this.log);
    return made.logger;
  }

  get signal(): AbortSignal {
    return this.running.signal;
  }

  get abortSignal(): AbortSignal {
    return this.running.signal;
  }

  get abortPromise(): Promise<never> {
    return this.running.abortPromise;
  }

  get progress(): TaskContext["progress"] {
    return async (done, total, message) => {
      if (!isAmount(done) || (total !== undefined && !isAmount(total))) {
        const got = total === undefined ? `${done}` : `${done}, ${total}`;
        throw new TaskrunError("bad-progress", `ctx.progress(${got}) makes no sense`);
      }
      const text = message === undefined || message === null ? null : String(message);
      const storableText = text === null ? null : storable(text, longestMessage);
      this.running.report({ done, total: total ?? null, message: storableText });
    };
  }

  get enqueue(): TaskContext["enqueue"] {
    return (task, payload = {}, options = {}) =>
      this.noted(
        `enqueue(${task})`,
        this.running.enqueue(task, payload, { ...this.inherited(), ...options }),
      );
  }

  get addJob(): TaskContext["addJob"] {
    return (task, payload, options) => this.enqueue(task, payload ?? {}, ownNames(options));
  }

  get addJobs(): TaskContext["addJobs"] {
    return (specs, jobKeyPreserveRunAt = false) =>
      Promise.all(
        specs.map(({ identifier, payload, ...options }) =>
          this.addJob(identifier, payload, {
            ...options,
            ...(jobKeyPreserveRunAt ? { jobKeyMode: "preserve_run_at" as const } : {}),
          }),
        ),
      );
  }

  get getQueueName(): TaskContext["getQueueName"] {
    return async (queueId) => {
      if (queueId === undefined || queueId === null) return this.queue;
      throw new TaskrunError("unknown-queue-id", `ctx.getQueueName(${queueId}) asks by an id`);
    };
  }

  get pool(): Pool {
    return this.running.pool;
  }

  get query(): TaskContext["query"] {
    return <Row extends QueryResultRow>(text: string, values?: unknown[]) =>
      this.noted(
        `query(${String(text).slice(0, shownOfQuery)})`,
        this.pool.query<Row>(text, values).catch((error: unknown) => {
          throw noConnectionLeft(error, this.task, this.pool);
        }),
      );
  }

  get withPgClient(): TaskContext["withPgClient"] {
    const lend = withPgClientOf(this.pool, this.task);
    const noted: WithPgClient = (use) => this.noted("withPgClient", lend(use));
    const withRetries: WithPgClient = (use) =>
      this.noted("withPgClient.withRetries", lend.withRetries(use));
    return Object.assign(noted, { withRetries });
  }

  get step(): TaskContext["step"] {
    return (name, fn, options) =>
      this.noted(`step(${name})`, this.running.steps.run(name, fn, options));
  }

  get once(): TaskContext["once"] {
    return (key, fn, options) =>
      this.noted(`once(${key})`, this.running.once.run(key, fn, options));
  }

  get waitFor(): TaskContext["waitFor"] {
    return (ids) => this.noted("waitFor", waitFor(this.jobId, ids, this.running.parentEnds));
  }

  get complete(): TaskContext["complete"] {
    return (tx, output = null) => this.noted("complete", this.running.complete(tx, output));
  }

  get snooze(): TaskContext["snooze"] {
    return (delay, reason) => directive("snooze", parseDuration(delay), reason);
  }

  get cancel(): TaskContext["cancel"] {
    return (reason) => directive("cancel", 0, reason);
  }

  get job(): Job & GraphileJob {
    const { made, running } = this;
    made.job ??= withGraphileNames(running.job);
    return made.job;
  }

  /** What log lines show of a context that somebody hands to the logger. */
  toJSON(): object {
    return this.running.logFields();
  }

  private noted<T>(what: string, answer: Promise<T>): Promise<T> {
    return this.running.noteCall(`ctx.${what}`, answer);
  }

  private inherited(): EnqueueOptions {
    const { id, correlationId } = this.running.job;
    return correlationId === null ? { parentId: id } : { parentId: id, correlationId };
  }
}

const asPlainObject = spreadable<TaskContext>(AttemptContext.prototype, ["running", "made"]);

/** The context of an attempt, as its handler gets it. */
export function attemptContext(running: ContextSource): TaskContext {
  return asPlainObject(new AttemptContext(running));
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function directive(kind: "snooze" | "cancel", delayMs: number, reason?: string): Directive {
  return { [directiveBrand]: kind, delayMs, reason: reason ?? null };
}

function withGraphileNames(job: Job): Job & GraphileJob {
  return {
    ...columnsOf(job),
    task_identifier: job.task,
    attempts: job.attempt,
    max_attempts: job.maxAttempts,
    last_error: job.lastError,
    created_at: job.createdAt,
    run_at: job.runAt,
    queue_name: job.queue,
  };
}

/** A job of the queue has getters, which a spread would leave behind. */
function columnsOf(job: Job): Job {
  const columns = { ...job };
  const prototype: object = Object.getPrototypeOf(job);
  if (prototype === Object.prototype) return columns;
  for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (get !== undefined) Object.assign(columns, { [name]: Reflect.get(job, name) });
  }
  return columns;
}

/** graphile-worker's callers pass null for "not given" too. */
function ownNames(given: EnqueueOptions & GraphileAddJobOptions = {}): EnqueueOptions {
  const { jobKey, jobKeyMode, queueName, ...own } = given;
  const named = { ...own, key: jobKey ?? own.key, keyMode: jobKeyMode ?? own.keyMode };
  const all = { ...named, queue: queueName ?? own.queue };
  const set = Object.entries(all).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(set);
}
