/**
 * Where in the order of a deep queue this process has arrived. What may start here has been taken
 * up to there. What else stands there would be read again by each fetch from the start: rows of
 * jobs that have gone, which are there until a vacuum can remove them, jobs of tasks that this
 * process lacks, serial jobs that wait for others.
 *
 * Jobs may come up before that place all the same. More urgent ones are told, and asked for apart;
 * the others (given back, or due only now at a higher priority) are found by looking from the start
 * now and then: so seldom that it takes a small share of the time, however long it takes.
 */

import type { QueueJob, QueuePlace } from "../../store/queue/queue-job.ts";

// Of the time of a look from the start, until the next.
const lookShare = 10;
const minLookIntervalMs = 100;
const maxLookIntervalMs = 10_000;

export class QueueFront {
  #arrived: QueuePlace | null = null;
  /** What decided which jobs may start: with other tasks, other jobs are left behind. */
  #ground: unknown = null;
  #nextLookMs = 0;
  #serialJobsKnown = false;

  /** From where to go on; null: look from the start. */
  after(ground: unknown, nowMs: number): QueuePlace | null {
    return ground === this.#ground && nowMs < this.#nextLookMs ? this.#arrived : null;
  }

  /** A look from the start has brought these. `ground`: null when that was all there is. */
  looked(
    ground: unknown,
    jobs: readonly QueueJob[],
    { askedAtMs, nowMs }: { readonly askedAtMs: number; readonly nowMs: number },
  ): void {
    // Serial jobs that can start want looks which find them.
    if (ground === null || jobs.some((job) => job.queue !== null)) {
      this.forget();
      return;
    }
    const intervalMs = (nowMs - askedAtMs) * lookShare;
    this.#nextLookMs = nowMs + Math.min(Math.max(intervalMs, minLookIntervalMs), maxLookIntervalMs);
    this.#ground = ground;
    this.#arrived = jobs.at(-1) ?? null;
  }

  /** A fetch from `after` has brought these. `serialJobsWait`: somewhere, whether due or not. */
  wentOn(jobs: readonly QueueJob[], serialJobsWait: boolean): void {
    this.#arrived = jobs.at(-1) ?? this.#arrived;
    if (serialJobsWait && !this.#serialJobsKnown) this.#nextLookMs = 0;
    this.#serialJobsKnown = serialJobsWait;
  }

  /** The next fetch looks from the start. */
  forget(): void {
    this.#arrived = null;
  }
}
