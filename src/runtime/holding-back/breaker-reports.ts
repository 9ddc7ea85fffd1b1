/**
 * Tells the database how attempts of tasks with a breaker ended: failures always, successes only
 * while failures are being counted, and the end of each job that a half-open breaker let through
 * here. In the order in which the outcomes landed; outcomes that come while a report is under way
 * go out together.
 *
 * What counts is the attempt's own word (`tripsBreaker`, see core/outcome): a fault of the
 * payload, a job that was given back, put off or cancelled says nothing of the service behind it.
 */

import type pg from "pg";
import type { Logger } from "../../core/logger.ts";
import type { OutcomeState } from "../../core/outcome.ts";
import type { Breaker, Task } from "../../core/task.ts";
import { type CanaryEnd, countAttempts, endCanary, renewCanaries } from "../../store/gates.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { Schemas } from "../../store/schemas.ts";
import { isRefusal, retryTransient } from "../../store/transient.ts";
import type { EndedAttempt } from "../settling/write-batch.ts";
import { AttemptTally } from "./attempt-tally.ts";

export interface BreakerReportsOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  /** Whether failures of the task have been counted, so that a success matters. */
  readonly isFailing: (task: Task) => boolean;
  /** What was told may have opened or closed a breaker. */
  readonly onTold: () => void;
}

/** For so long a claim is believed without a word from its owner. */
export const canaryLeaseMs = 15_000;
const stopWaitsMs = 2000;

type Report = () => Promise<void>;

export class BreakerReports {
  readonly #options: BreakerReportsOptions;
  readonly #giveUp = new AbortController();
  /** Jobs here that a half-open breaker let through. */
  readonly #canaries = new Map<string, { readonly job: QueueJob; readonly task: string }>();
  #tallies = new Map<string, { readonly breaker: Breaker; readonly tally: AttemptTally }>();
  #canaryEnds: Report[] = [];
  #telling: Promise<void> | null = null;
  #renewal: NodeJS.Timeout | undefined;

  constructor(options: BreakerReportsOptions) {
    this.#options = options;
  }

  isCanary(job: QueueJob): boolean {
    return this.#canaries.has(job.id);
  }

  /** This process has claimed the one job that the task's breaker lets through. */
  takeCanary(job: QueueJob, task: Task): void {
    this.#canaries.set(job.id, { job, task: task.name });
    this.#renewal ??= setInterval(() => void this.#renew(), canaryLeaseMs / 3).unref();
  }

  /** Of a task with a breaker. `state`: what became of the job; null when it had been lost. */
  ended({ job, outcome }: EndedAttempt, task: Task, state: OutcomeState | null): void {
    const { breaker } = task.policies;
    const tripped = state !== null && "tripsBreaker" in outcome && outcome.tripsBreaker === true;
    const error = "error" in outcome ? outcome.error.message : null;
    if (this.#canaries.has(job.id)) {
      const how = state === "completed" ? "success" : tripped ? "failure" : "neither";
      this.#endCanary(job, breaker, { how, error });
    } else if (breaker === null) return;
    else if (tripped) this.#tallyOf(task, breaker).fail(error ?? "circuit breaker is open");
    else if (state === "completed" && this.#isFailing(task)) this.#tallyOf(task, breaker).succeed();
    else return;
    this.#telling ??= this.#tell();
  }

  /**
   * Called when outcomes have landed, and with each `ended` where there was a breaker by then: the
   * task of a job that was let through may have gone, or have none any more, before the job began.
   */
  settled(batch: readonly Pick<EndedAttempt, "job">[]): void {
    if (this.#canaries.size === 0) return;
    for (const { job } of batch) {
      if (!this.#canaries.has(job.id)) continue;
      this.#endCanary(job, null, { how: "neither", error: null });
      this.#telling ??= this.#tell();
    }
  }

  /** Resolves when all has been told, or the database has had its chance. */
  async stop(): Promise<void> {
    clearInterval(this.#renewal);
    const timer = setTimeout(() => this.#giveUp.abort(), stopWaitsMs);
    await this.#telling;
    clearTimeout(timer);
  }

  #isFailing(task: Task): boolean {
    return this.#tallies.has(task.name) || this.#options.isFailing(task);
  }

  #tallyOf(task: Task, breaker: Breaker): AttemptTally {
    const known = this.#tallies.get(task.name);
    if (known !== undefined) return known.tally;
    const tally = new AttemptTally();
    this.#tallies.set(task.name, { breaker, tally });
    return tally;
  }

  #endCanary(
    { id, lockedBy: processId }: QueueJob,
    breaker: Breaker | null,
    end: { readonly how: CanaryEnd; readonly error: string | null },
  ): void {
    const { db, schemas } = this.#options;
    const task = this.#canaries.get(id)?.task ?? "";
    this.#canaries.delete(id);
    // A breaker that was taken out of the code meanwhile: the row is nobody's, let it close.
    const thresholds = breaker ?? { failures: 1, successes: 1, openForMs: 0 };
    this.#canaryEnds.push(() => endCanary(db, schemas, { task, processId }, end, thresholds));
    if (this.#canaries.size > 0) return;
    clearInterval(this.#renewal);
    this.#renewal = undefined;
  }

  async #tell(): Promise<void> {
    // Attempts whose outcomes landed in one batch are told of together.
    await Promise.resolve();
    while (this.#canaryEnds.length + this.#tallies.size > 0) {
      for (const report of this.#takeReports()) await this.#send(report);
      this.#options.onTold();
    }
    this.#telling = null;
  }

  #takeReports(): Report[] {
    const { db, schemas } = this.#options;
    const counts = [...this.#tallies].map(
      ([task, { breaker, tally }]): Report =>
        () =>
          countAttempts(db, schemas, task, tally.counts, breaker),
    );
    const reports = [...this.#canaryEnds, ...counts];
    this.#canaryEnds = [];
    this.#tallies = new Map();
    return reports;
  }

  async #send(report: Report): Promise<void> {
    const { signal } = this.#giveUp;
    try {
      await retryTransient(report, {
        signal,
        retries: (error) => !isRefusal(error),
      });
    } catch (error) {
      this.#options.logger.warn({ err: error }, "a breaker could not be told of outcomes");
    }
  }

  async #renew(): Promise<void> {
    const { db, schemas, logger } = this.#options;
    const ofProcess = Map.groupBy(this.#canaries.values(), ({ job }) => job.lockedBy);
    for (const [processId, canaries] of ofProcess) {
      const tasks = canaries.map(({ task }) => task);
      const request = { tasks, processId, leaseMs: canaryLeaseMs };
      await renewCanaries(db, schemas, request).catch((error) =>
        logger.debug({ err: error }, "could not renew the claim of a breaker's trial job"),
      );
    }
  }
}
