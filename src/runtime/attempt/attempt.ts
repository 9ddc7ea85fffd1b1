/**
 * The one value that goes fetch → run → settle: a job, the version of its task that it is pinned
 * to, and what has become of it so far. Small on purpose: everything a handler may not use is
 * made on first use.
 */

import type { Pool } from "pg";
import { AttemptSecrets } from "../../core/attempt-secrets.ts";
import type {
  CompletesJob,
  GraphileAddJobOptions,
  Progress,
  TaskContext,
} from "../../core/context.ts";
import type { EnqueueOptions, Job } from "../../core/job.ts";
import type { Journal } from "../../core/journal.ts";
import type { Logger } from "../../core/logger.ts";
import type { Outcome } from "../../core/outcome.ts";
import { toOutputJson } from "../../core/output-json.ts";
import type { AttemptSettings, OwnCompletion, RunningAttempt } from "../../core/running-attempt.ts";
import type { Task } from "../../core/task.ts";
import { intentOf } from "../../core/task-errors.ts";
import { MemoryJournal } from "../steps/memory-journal.ts";
import { Once } from "../steps/once.ts";
import { Steps } from "../steps/steps.ts";
import { attemptContext, type ContextSource } from "./attempt-context.ts";
import type { ErrorOrigins, Trace } from "./error-origins.ts";
import type { ContextCall, StuckHandlers } from "./stuck-handlers.ts";
import { type FindParentEnds, noneEnded } from "./wait-for.ts";

/** What attempts need of the process they run in. */
export interface AttemptServices {
  readonly logger: Logger;
  /** The handlers' pool. */
  readonly pool: Pool;
  /** Of graphile-worker's options only `flags` is left here: the others have been translated. */
  enqueue(
    task: string,
    payload: unknown,
    options: EnqueueOptions & GraphileAddJobOptions,
  ): Promise<{ id: string }>;
  /** What has become of jobs, for `ctx.waitFor`. Default: none has ended. */
  readonly parentEnds?: FindParentEnds;
  /** Writes progress; at most twice a second per attempt. */
  saveProgress(attempt: Attempt, progress: Progress): void;
  /** Makes a logger one whose lines are kept with the job. Default: they aren't. */
  keepLog?: (job: Job, log: Logger) => Logger;
  /** Where the attempt's steps are kept. Default: in memory, for as long as it runs. */
  journal?: (attempt: Attempt) => Journal;
  readonly settings: AttemptSettings;
  /** For tasks that are isolated. Default: they run as any other. */
  readonly isolation?: HandlerRunner;
  /** Told of handlers that outlast their attempts. Default: nobody is. */
  readonly stuck?: StuckHandlers;
  /** For `ctx.complete`. Default: whatever is said of a transaction is taken for committed. */
  readonly completion?: {
    complete(attempt: Attempt, tx: CompletesJob, output: unknown): Promise<void>;
  };
  /** Traces errors that nobody catches to their attempts. Default: nobody does. */
  readonly origins?: ErrorOrigins;
  /** From 0 to 1; spreads retries. Default Math.random. */
  random?: () => number;
}

/** Runs handlers elsewhere than in the process's own thread. */
export interface HandlerRunner {
  isolates(task: Task): boolean;
  run(attempt: Attempt): Promise<unknown>;
}

export class Attempt implements RunningAttempt, ContextSource {
  readonly job: Job;
  readonly task: Task;
  readonly services: AttemptServices;
  /** Epoch milliseconds; 0 until it runs. */
  startedAtMs = 0;
  /** Its place in `RunningSlots`. */
  slot = 0;
  payload: unknown;
  progress: Progress | null = null;
  remaining: RunningAttempt["remaining"] = null;
  stopReason: Error | null = null;
  decided: Outcome | null = null;
  left = false;
  onStop: (() => void) | null = null;
  onProgress: RunningAttempt["onProgress"] = null;
  /** The job's end is decided: a cancel changes nothing any more. */
  undoing = false;
  lastCall: ContextCall | null = null;
  completing: OwnCompletion | null = null;
  trace: Trace | null = null;
  private context: TaskContext | null = null;
  private madeJournal: Journal | null = null;
  private madeSteps: Steps | null = null;
  private madeOnce: Once | null = null;
  private madeSecrets: AttemptSecrets | null = null;
  private controller: AbortController | null = null;
  private aborted: Promise<never> | null = null;

  constructor(job: Job, task: Task, services: AttemptServices) {
    this.job = job;
    this.task = task;
    this.services = services;
    this.payload = job.payload;
  }

  get ctx(): TaskContext {
    this.context ??= attemptContext(this);
    return this.context;
  }

  get logger(): Logger {
    return this.services.logger;
  }

  get pool(): Pool {
    return this.services.pool;
  }

  get enqueue(): AttemptServices["enqueue"] {
    return this.services.enqueue;
  }

  get journal(): Journal {
    this.madeJournal ??= this.services.journal?.(this) ?? new MemoryJournal();
    return this.madeJournal;
  }

  get steps(): Steps {
    this.madeSteps ??= new Steps(this, this.journal);
    return this.madeSteps;
  }

  get usesSteps(): boolean {
    return this.madeSteps !== null;
  }

  get once(): Once {
    this.madeOnce ??= new Once(this, this.journal);
    return this.madeOnce;
  }

  get secrets(): AttemptSecrets | null {
    const { secrets } = this.task;
    if (secrets !== null) this.madeSecrets ??= new AttemptSecrets(secrets, this.job);
    return this.madeSecrets;
  }

  get undoes(): boolean {
    return this.undoing || this.job.ending !== null;
  }

  /** Milliseconds; false = none. What came by raw SQL and is no limit is passed over. */
  get limitMs(): number | false {
    const own = this.job.timeoutMs;
    const given = own === false || (typeof own === "number" && own > 0);
    return given ? own : this.task.policies.timeoutMs;
  }

  get parentEnds(): FindParentEnds {
    return this.services.parentEnds ?? noneEnded;
  }

  get settings(): AttemptSettings {
    return this.services.settings;
  }

  /** Aborts with the attempt's stop reason. */
  get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController();
      if (this.stopReason !== null) this.controller.abort(this.stopReason);
    }
    return this.controller.signal;
  }

  /** Rejects when the signal aborts; nobody has to listen. */
  get abortPromise(): Promise<never> {
    if (this.aborted === null) {
      const { signal } = this;
      this.aborted = new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      this.aborted.catch(() => {});
    }
    return this.aborted;
  }

  /**
   * Tells the handler to stop: aborts its signal with `reason`. A TaskTimeoutError, a
   * CancelledError or a StrayError decides the outcome and, after the grace, ends the attempt
   * without the handler; with a ShutdownError a handler that ends is taken at its word if it
   * completed, and given back if it threw. The first reason stays, except that a cancel replaces
   * a shutdown.
   */
  abort(reason: Error): void {
    const cancels = intentOf(reason) === "cancelled";
    if (cancels && this.undoes) return;
    const stopping = this.stopReason !== null && intentOf(this.stopReason) === "shutdown";
    if (this.stopReason !== null && !(cancels && stopping)) return;
    this.stopReason = reason;
    this.controller?.abort(reason);
    this.onStop?.();
  }

  /**
   * The job is somebody else's by now: nothing of this attempt counts any more, and it ends without
   * its handler after the grace. No timeout would end it: the first reason to stop stays.
   */
  lose(reason: Error): void {
    this.abort(reason);
    const returned: Outcome = { state: "returned", reason: reason.message };
    setTimeout(() => this.abandon(returned), this.settings.timeoutGraceMs).unref();
  }

  /** The same attempt with a signal of its own, beside a handler that goes on without a say. */
  besideHandler(): Attempt {
    const attempt = new Attempt(this.job, this.task, this.services);
    attempt.payload = this.payload;
    return attempt;
  }

  /** What the handler was told to stop for no longer holds, unless it is a shutdown. */
  renewSignal(): void {
    if (this.stopReason === null || intentOf(this.stopReason) === "shutdown") return;
    this.stopReason = null;
    this.controller = null;
    this.aborted = null;
  }

  /** Ends the attempt at once with `outcome`, whatever the handler still does. */
  abandon(outcome: Outcome): void {
    if (this.decided !== null) return;
    this.decided = outcome;
    this.onStop?.();
  }

  /** One in a thread is ended: see `runtime/isolation`. */
  abandonHandler(): void {
    const { isolation, stuck } = this.services;
    if (isolation?.isolates(this.task) !== true) stuck?.abandoned(this);
  }

  handlerEnded(): void {
    this.services.stuck?.ended(this);
  }

  noteCall<T>(what: string, answer: Promise<T>): Promise<T> {
    const call: ContextCall = { what, atMs: Date.now(), answered: false };
    this.lastCall = call;
    const note = () => {
      call.answered = true;
      call.atMs = Date.now();
    };
    answer.then(note, note);
    return answer;
  }

  detach(): void {
    this.onStop = null;
    this.onProgress = null;
  }

  /** `ctx.complete`. */
  async complete(tx: CompletesJob, output: unknown): Promise<void> {
    const { completion } = this.services;
    if (completion !== undefined) return completion.complete(this, tx, output);
    this.completing = { outputJson: toOutputJson(output), landed: async () => true };
  }

  /** What a handler reports. */
  report(progress: Progress): void {
    this.onProgress?.(this, progress);
  }

  saveProgress(progress: Progress): void {
    this.services.saveProgress(this, progress);
  }

  /** The handler's logger: `log`, with its lines kept if they are to be. */
  keepLog(log: Logger): Logger {
    return this.services.keepLog?.(this.job, log) ?? log;
  }

  logFields(): Record<string, unknown> {
    const { id, attempt, correlationId } = this.job;
    const fields = { jobId: id, task: this.task.name, attempt };
    return correlationId === null ? fields : { ...fields, correlationId };
  }

  random(): number {
    return (this.services.random ?? Math.random)();
  }
}
