/**
 * Keeps the slots of this process filled: fetches due jobs, starts an attempt for each, hands
 * the outcomes to the settler.
 *
 * Holds the invariant that every job this process has locked is in exactly one of three
 * places: waiting here, running here, or handed to the settler. Stopping empties the first,
 * then the second; the settler empties the third.
 */

import type { Logger } from "../core/logger.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Task } from "../core/task.ts";
import type { QueueJob } from "../store/queue/queue-job.ts";
import { byPriority } from "../store/queue/queue-job.ts";
import type { Attempt } from "./attempt.ts";
import { FetchDepth } from "./fetch-depth.ts";
import type { EndedAttempt, Settler } from "./settle.ts";

export interface DispatcherOptions {
  readonly concurrency: number;
  readonly logger: Logger;
  readonly settler: Settler;
  /** Locks at most `limit` due jobs. */
  readonly fetch: (limit: number) => Promise<QueueJob[]>;
  /** Undefined when the task has gone since the job was fetched. */
  readonly findTask: (name: string) => Task | undefined;
  readonly createAttempt: (job: QueueJob, task: Task) => Attempt;
  readonly execute: (attempt: Attempt) => Promise<Outcome>;
  readonly onFetchError: (error: unknown) => void;
  readonly onFetched: () => void;
  readonly onAttemptEnd: (task: Task) => void;
}

// Two: one batch is being worked on while the next is on its way.
const maxFetchesInFlight = 2;
// Settling has fallen behind by this much: let it catch up before starting more.
const maxBacklog = 5000;
// Jobs taken ahead for a rate that is no longer reached go back after this long.
const maxWaitMs = 500;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #depth: FetchDepth;
  readonly #running = new Set<Attempt>();
  #waiting: QueueJob[] = [];
  #waitingSinceMs = 0;
  #startedJobs = new Set<string>();
  #fetching = 0;
  #requested = 0;
  #accepting = false;
  #more = false;
  #wokenDuringFetch = false;
  #pumping = false;
  #failing = false;
  #retry: NodeJS.Timeout | undefined;
  #staleCheck: NodeJS.Timeout | undefined;
  #changed: PromiseWithResolvers<void> | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#depth = new FetchDepth(options.concurrency);
  }

  get running(): ReadonlySet<Attempt> {
    return this.#running;
  }

  /** Whether this process knows of its lock on the job. */
  holds(jobId: string): boolean {
    return this.#startedJobs.has(jobId) || this.#waiting.some((job) => job.id === jobId);
  }

  start(): void {
    this.#accepting = true;
    this.#staleCheck = setInterval(() => this.#returnStale(), maxWaitMs / 2);
    this.wake();
  }

  /** There may be due jobs: look now. */
  wake(): void {
    this.#more = true;
    if (this.#fetching > 0) this.#wokenDuringFetch = true;
    this.#pump();
  }

  /** Runs one job that was locked by other means; resolves when its outcome is settled. */
  async runOne(job: QueueJob): Promise<void> {
    this.#startedJobs.add(job.id);
    this.#startAttempt(job);
    while (this.#startedJobs.has(job.id)) await this.#change();
  }

  /** Stops taking jobs and gives back those that have not started. Resolves when none waits. */
  async stopFetching(): Promise<void> {
    this.#accepting = false;
    clearTimeout(this.#retry);
    clearInterval(this.#staleCheck);
    this.#returnWaiting(this.#waiting.length);
    while (this.#fetching > 0) await this.#change();
  }

  /** Resolves when no attempt runs. */
  async untilIdle(): Promise<void> {
    while (this.#running.size > 0) await this.#change();
  }

  /** Resolves when the queue had nothing due for us and all that was taken has been settled. */
  async untilDrained(): Promise<void> {
    for (;;) {
      const busy = this.#running.size + this.#waiting.length + this.#fetching > 0;
      if (!busy && !this.#more && !this.#failing) {
        await this.#options.settler.idle();
        // Settling may have freed a serial queue or made a retry due.
        if (!this.#more && this.#fetching === 0 && this.#running.size === 0) return;
      }
      await this.#change();
    }
  }

  #change(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  #notifyChange(): void {
    this.#changed?.resolve();
    this.#changed = null;
  }

  /** Starts what waits, then fetches if that leaves room. Never nested: starting may end. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { concurrency, settler } = this.#options;
    while (this.#running.size < concurrency && settler.backlog < maxBacklog) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      this.#startAttempt(job);
    }
    this.#pumping = false;
    if (this.#running.size + this.#waiting.length === 0) this.#depth.idle(performance.now());
    this.#fetchIfRoom();
  }

  #startAttempt(job: QueueJob): void {
    const task = this.#options.findTask(job.task);
    if (task === undefined) {
      this.#giveBack(job, "the task was removed");
      return;
    }
    const attempt = this.#options.createAttempt(job, task);
    this.#running.add(attempt);
    this.#options.execute(attempt).then((outcome) => this.#end(attempt, job, outcome));
  }

  #end(attempt: Attempt, job: QueueJob, outcome: Outcome): void {
    this.#running.delete(attempt);
    this.#options.onAttemptEnd(attempt.task);
    this.#depth.finished();
    this.#handOver({
      job,
      outcome,
      startedAtMs: attempt.startedAtMs,
      finishedAtMs: Date.now(),
      progressJson: attempt.progress === null ? null : JSON.stringify(attempt.progress),
    });
    this.#pump();
    this.#notifyChange();
  }

  #handOver(ended: EndedAttempt): void {
    this.#options.settler.add(ended);
  }

  /** Called by the settler's owner when a batch has landed. */
  settled(batch: readonly EndedAttempt[]): void {
    for (const { job } of batch) this.#startedJobs.delete(job.id);
    // A freed serial queue or a retry that is due at once: only the database knows.
    if (batch.some((ended) => ended.job.queue !== null || isDueAtOnce(ended.outcome))) this.wake();
    else this.#pump();
    this.#notifyChange();
  }

  #fetchIfRoom(): void {
    if (!this.#accepting || !this.#more || this.#fetching >= maxFetchesInFlight) return;
    const depth = this.#depth.depth;
    const room = depth - this.#running.size - this.#waiting.length - this.#requested;
    if (room <= 0) return;
    // A shallow queue is asked by one statement at a time, for whatever is free. A deep one is
    // taken in large pieces, and the next piece is asked for while the last is being worked on.
    const deep = depth > this.#options.concurrency * 2;
    if (deep ? room < depth / 2 : this.#fetching > 0) return;
    void this.#fetch(room);
  }

  async #fetch(limit: number): Promise<void> {
    this.#fetching += 1;
    this.#requested += limit;
    this.#wokenDuringFetch = false;
    try {
      const jobs = await this.#options.fetch(limit);
      this.#failing = false;
      this.#options.onFetched();
      this.#take(jobs, limit);
    } catch (error) {
      this.#options.onFetchError(error);
      this.#more = false;
      this.#failing = true;
      // Not at once: a database that refuses every statement would be asked without end.
      clearTimeout(this.#retry);
      if (this.#accepting) this.#retry = setTimeout(() => this.wake(), 250);
    } finally {
      this.#fetching -= 1;
      this.#requested -= limit;
      this.#pump();
      this.#notifyChange();
    }
  }

  #take(jobs: QueueJob[], limit: number): void {
    for (const job of jobs) this.#startedJobs.add(job.id);
    if (!this.#accepting) {
      for (const job of jobs) this.#giveBack(job, "the process is stopping");
      return;
    }
    if (jobs.length > 0) this.#depth.busy(performance.now());
    if (jobs.length < limit) {
      this.#more = this.#wokenDuringFetch;
      this.#depth.drained();
    } else {
      this.#depth.full(performance.now());
    }
    if (this.#waiting.length === 0) {
      this.#waiting = jobs;
      this.#waitingSinceMs = performance.now();
    } else if (jobs.length > 0) {
      this.#waiting = this.#waiting.concat(jobs).sort(byPriority);
    }
  }

  /** Jobs taken ahead must not sit here locked because the work has become slow. */
  #returnStale(): void {
    if (this.#waiting.length === 0) return;
    if (performance.now() - this.#waitingSinceMs < maxWaitMs) return;
    this.#depth.drained();
    this.#returnWaiting(this.#waiting.length);
  }

  #returnWaiting(count: number): void {
    for (const job of this.#waiting.splice(0, count)) {
      this.#giveBack(job, "not started in this process");
    }
  }

  #giveBack(job: QueueJob, reason: string): void {
    const nowMs = Date.now();
    this.#handOver({
      job,
      outcome: { state: "returned", reason },
      startedAtMs: nowMs,
      finishedAtMs: nowMs,
      progressJson: null,
    });
  }
}

function isDueAtOnce(outcome: Outcome): boolean {
  return outcome.state === "returned" || ("delayMs" in outcome && outcome.delayMs <= 0);
}
