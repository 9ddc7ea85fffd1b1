/**
 * Keeps the slots of this process filled: takes what `fetch-rounds` brings, starts an attempt for
 * each job, hands the outcomes to the settler.
 *
 * Holds the invariant that every job this process has locked is in exactly one of three
 * places: waiting here, running here, or handed to the settler. Stopping empties the first,
 * then the second; the settler empties the third.
 */

import { failedByFault } from "../../core/failure.ts";
import { isDueAtOnce, type Outcome } from "../../core/outcome.ts";
import type { Task } from "../../core/task.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { Attempt } from "../attempt/attempt.ts";
import { type EndedAttempt, ended, unstarted } from "../settling/write-batch.ts";
import type { DispatcherOptions } from "./dispatcher-options.ts";
import { FetchRounds, maxBacklog } from "./fetch-rounds.ts";
import { NextChange } from "./next-change.ts";
import { StartAllowance } from "./start-allowance.ts";
import { UnsettledJobs } from "./unsettled-jobs.ts";
import { WaitingJobs } from "./waiting-jobs.ts";

// Jobs taken ahead for a rate that is no longer reached go back after this long.
const maxWaitMs = 500;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #rounds: FetchRounds;
  readonly #running = new Set<Attempt>();
  readonly #waiting: WaitingJobs;
  readonly #unsettled = new UnsettledJobs();
  #pumping = false;
  readonly #allowance = new StartAllowance(() => this.#pump());
  #staleCheck: NodeJS.Timeout | undefined;
  readonly #changed = new NextChange();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#rounds = new FetchRounds({
      ...options,
      held: () => this.#running.size + this.#waiting.count,
      take: (jobs, isVoid) => this.#take(jobs, isVoid),
      onAnswered: () => {
        this.#pump();
        this.#changed.happened();
      },
      wake: () => this.wake(),
    });
    this.#waiting = new WaitingJobs(options.fetchCode, () => {
      this.#pump();
      this.#changed.happened();
    });
  }

  get running(): ReadonlySet<Attempt> {
    return this.#running;
  }

  /** Jobs that wait here will be started in the next turn of the event loop. */
  get goesOnNextTurn(): boolean {
    return this.#allowance.usedUp;
  }

  /** Whether this process knows of its lock on the job. */
  holds(jobId: string): boolean {
    return this.#unsettled.has(jobId);
  }

  start(): void {
    this.#rounds.start();
    this.#staleCheck = setInterval(() => this.#returnStale(), maxWaitMs / 2);
    this.wake();
  }

  /** There may be due jobs: look now. */
  wake(): void {
    this.#rounds.hint();
    this.#pump();
    this.#rounds.askUrgent();
  }

  /** The locks taken so far are void: starts none of those jobs. */
  dropWaiting(): void {
    this.#rounds.drop();
    this.returnWaiting(() => true);
  }

  /** Pauses or breakers have changed: what is held now goes back, what isn't may be due. */
  gatesChanged(): void {
    this.#returnHeld();
    this.wake();
  }

  /** How many jobs of the task run and wait here. */
  countOf({ name, aliases }: Task): number {
    let count = this.#waiting.countOf((job) => job.task === name || aliases.includes(job.task));
    for (const attempt of this.#running) if (attempt.task.name === name) count += 1;
    return count;
  }

  /** Ends a job so, if it waits here. */
  endWaiting(jobId: string, outcome: Outcome): void {
    const [job] = this.#waiting.remove((waiting) => waiting.id === jobId);
    if (job !== undefined) this.#endUnstarted(job, outcome);
  }

  /** Runs one job that was locked by other means; resolves when its outcome is settled. */
  async runOne(job: QueueJob): Promise<void> {
    this.#unsettled.add(job);
    this.#startAttempt(job);
    while (this.#unsettled.has(job.id)) await this.#changed.wait();
  }

  /** Stops taking jobs and gives back those that have not started. Resolves when none waits. */
  async stopFetching(): Promise<void> {
    this.#rounds.stop();
    clearInterval(this.#staleCheck);
    this.returnWaiting(() => true);
    while (this.#rounds.inFlight > 0) await this.#changed.wait();
  }

  /** Resolves when no attempt runs. */
  async untilIdle(): Promise<void> {
    while (this.#running.size > 0) await this.#changed.wait();
  }

  /** Resolves when the queue had nothing due for us and all that was taken has been settled. */
  async untilDrained(): Promise<void> {
    for (;;) {
      if (this.#hasNothingToDo) {
        await this.#options.settler.idle();
        // Settling may have freed a serial queue, made a retry due or released a blocked job.
        if (this.#rounds.accepting && this.#rounds.settledSince) this.wake();
        else if (this.#hasNothingToDo) return;
      }
      await this.#changed.wait();
    }
  }

  get #hasNothingToDo(): boolean {
    const { inFlight, mayBeDue } = this.#rounds;
    return this.#running.size + this.#waiting.count + inFlight === 0 && !mayBeDue;
  }

  /** Starts what waits, then fetches if that leaves room. Never nested: starting may end. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { concurrency, settler } = this.#options;
    while (this.#running.size < concurrency && settler.backlog < maxBacklog) {
      if (this.#waiting.ready === 0 || !this.#allowance.take()) break;
      const job = this.#waiting.next();
      if (job !== undefined) this.#startAttempt(job);
    }
    this.#pumping = false;
    if (this.#running.size + this.#waiting.count === 0) this.#rounds.idle();
    this.#rounds.askIfRoom();
  }

  #startAttempt(job: QueueJob): void {
    const task = this.#options.findTask(job.task);
    if (task === undefined) {
      this.#giveBack(job, "the task was removed");
      return;
    }
    try {
      const attempt = this.#options.createAttempt(job, task);
      this.#running.add(attempt);
      this.#options.execute(attempt).then(
        (outcome) => this.#end(attempt, job, outcome),
        (fault) => this.#end(attempt, job, failedByFault(fault)),
      );
    } catch (fault) {
      this.#endUnstarted(job, failedByFault(fault));
    }
  }

  #end(attempt: Attempt, job: QueueJob, outcome: Outcome): void {
    const written = attempt.progress === null ? null : this.#options.progressWritten(job.id);
    if (written !== null) return void written.then(() => this.#end(attempt, job, outcome));
    this.#running.delete(attempt);
    this.#options.onAttemptEnd(attempt);
    this.#rounds.finished();
    this.#options.settler.add(ended(attempt, job, outcome));
    if (this.#options.slotFreed(attempt.task)) this.#rounds.hint();
    this.#pump();
    this.#changed.happened();
  }

  /** Called by the settler's owner when a batch has landed. */
  settled(batch: readonly EndedAttempt[]): void {
    this.#rounds.settled();
    for (const { job, outcome } of batch) {
      if ("delayMs" in outcome && outcome.delayMs > 0) this.#rounds.hintLater(outcome.delayMs);
      const again = this.#unsettled.settled(job.id);
      const reason = "fetched before the outcome of its last attempt was known";
      if (again !== undefined) this.#giveBack(again, reason);
    }
    // A freed serial queue or a retry that is due at once: only the database knows.
    if (batch.some(({ job, outcome }) => job.queue !== null || isDueAtOnce(outcome))) this.wake();
    else this.#pump();
    this.#changed.happened();
  }

  #take(fetched: readonly QueueJob[], isVoid: boolean): void {
    const jobs = fetched.filter((job) => this.#unsettled.add(job));
    if (isVoid) {
      for (const job of jobs) this.#giveBack(job, "fetched for a process that takes no more");
      return;
    }
    this.#waiting.add(jobs);
    this.#returnHeld();
  }

  /** Something was held back while the statement that fetched it was under way, or just now. */
  #returnHeld(): void {
    const held = this.#options.heldBack();
    if (held !== null) this.returnWaiting(held);
  }

  /** Jobs taken ahead must not sit here locked because the work has become slow. */
  #returnStale(): void {
    const returned = this.returnWaiting(this.#waiting.readySince(Date.now() - maxWaitMs));
    if (returned > 0) this.#rounds.tookTooMany();
  }

  /** Puts those of the jobs that wait here back into the queue; says how many. */
  returnWaiting(which: (job: QueueJob) => boolean): number {
    const returned = this.#waiting.remove(which);
    for (const job of returned) this.#giveBack(job, "not started in this process");
    return returned.length;
  }

  #giveBack(job: QueueJob, reason: string): void {
    this.#endUnstarted(job, { state: "returned", reason });
  }

  #endUnstarted(job: QueueJob, outcome: Outcome): void {
    this.#options.settler.add(unstarted(job, outcome, this.#options.findTask(job.task)));
  }
}
