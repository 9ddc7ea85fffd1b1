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

/** Before everything. */
const beginning: QueuePlace = { priority: -32_768, runAtSeconds: "-Infinity", id: "0" };

export class QueueFront {
  #arrived: QueuePlace | null = null;
  /** What decided which jobs may start: with other tasks, other jobs are left behind. */
  #ground: unknown = null;
  #nextLookMs = 0;
  #serialJobsKnown = false;

  /** The place; null while there is none. */
  arrived(ground: unknown): QueuePlace | null {
    return ground === this.#ground ? this.#arrived : null;
  }

  /** From where to go on; null: look at all there is from the start, serial queues too. */
  after(ground: unknown, nowMs: number): QueuePlace | null {
    const arrived = this.arrived(ground);
    if (arrived === null || nowMs < this.#nextLookMs) return arrived;
    return this.#serialJobsKnown ? null : beginning;
  }

  /** A look at all from the start has brought these. `ground`: null when that was all there is. */
  looked(ground: unknown, jobs: readonly QueueJob[], time: LookTime): void {
    // Serial jobs that can start want looks which find them.
    if (ground === null || jobs.some((job) => job.queue !== null)) {
      this.forget();
      return;
    }
    this.#ground = ground;
    this.#arrived = jobs.at(-1) ?? null;
    this.#lookAgainAfter(time);
  }

  /** A fetch of jobs without a queue, from `after` on, has brought these. */
  wentOn(after: QueuePlace, { jobs, serialJobsWait }: WentOn, time: LookTime): void {
    this.#arrived = jobs.at(-1) ?? this.#arrived;
    if (after === beginning) this.#lookAgainAfter(time);
    if (serialJobsWait && !this.#serialJobsKnown) this.#nextLookMs = 0;
    this.#serialJobsKnown = serialJobsWait;
  }

  /** The next fetch looks at all from the start. */
  forget(): void {
    this.#arrived = null;
  }

  #lookAgainAfter({ askedAtMs, nowMs }: LookTime): void {
    const intervalMs = (nowMs - askedAtMs) * lookShare;
    this.#nextLookMs = nowMs + Math.min(Math.max(intervalMs, minLookIntervalMs), maxLookIntervalMs);
  }
}

interface LookTime {
  readonly askedAtMs: number;
  readonly nowMs: number;
}

interface WentOn {
  readonly jobs: readonly QueueJob[];
  /** Somewhere, whether due or not. */
  readonly serialJobsWait: boolean;
}
