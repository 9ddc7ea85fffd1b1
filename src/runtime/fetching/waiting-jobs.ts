/**
 * Jobs that were taken ahead and have not started, best first. Owns those that can't start yet,
 * too: the code of their task is still to come.
 */

import { byPriority, type QueueJob } from "../../store/queue/queue-job.ts";

/** Null for a job that may start; resolves when it may. Null instead of it: all may. */
export type FetchCode = ((job: QueueJob) => Promise<void> | null) | null;

export class WaitingJobs {
  /** The best one is the last: it leaves without the others moving up. */
  #jobs: QueueJob[] = [];
  readonly #unready = new Set<QueueJob>();
  readonly #fetchCode: () => FetchCode;
  readonly #onReady: () => void;

  /** `onReady`: a job that could not start has become one that may. */
  constructor(fetchCode: () => FetchCode = () => null, onReady: () => void = () => {}) {
    this.#fetchCode = fetchCode;
    this.#onReady = onReady;
  }

  /** Of all, also those that can't start yet. */
  get count(): number {
    return this.#jobs.length + this.#unready.size;
  }

  /** Of those that may start. */
  get ready(): number {
    return this.#jobs.length;
  }

  /** Picks those that were fetched before `beforeMs` (epoch) and may start. */
  readySince(beforeMs: number): (job: QueueJob) => boolean {
    return (job) => job.fetchedAt.getTime() < beforeMs && !this.#unready.has(job);
  }

  countOf(which: (job: QueueJob) => boolean): number {
    let count = 0;
    for (const job of this.#jobs) if (which(job)) count += 1;
    for (const job of this.#unready) if (which(job)) count += 1;
    return count;
  }

  /** `jobs` are in order among themselves. */
  add(jobs: readonly QueueJob[]): void {
    const fetchCode = this.#fetchCode();
    this.#addReady(
      fetchCode === null ? jobs : jobs.filter((job) => this.#mayStart(job, fetchCode)),
    );
  }

  #mayStart(job: QueueJob, fetchCode: NonNullable<FetchCode>): boolean {
    const code = fetchCode(job);
    if (code === null) return true;
    this.#unready.add(job);
    void code.then(() => {
      // It may have been removed meanwhile.
      if (this.#unready.delete(job)) this.#addReady([job]);
      this.#onReady();
    });
    return false;
  }

  #addReady(jobs: readonly QueueJob[]): void {
    if (this.#jobs.length === 0) this.#jobs = jobs.toReversed();
    else if (jobs.length > 0) this.#jobs = this.#jobs.concat(jobs).sort(worstFirst);
  }

  /** The best one leaves. */
  next(): QueueJob | undefined {
    return this.#jobs.pop();
  }

  /** Those leave that `which` holds for. */
  remove(which: (job: QueueJob) => boolean): QueueJob[] {
    const unready = this.#unready.size === 0 ? [] : [...this.#unready].filter(which);
    for (const job of unready) this.#unready.delete(job);
    if (!this.#jobs.some(which)) return unready;
    const removed = this.#jobs.filter(which);
    this.#jobs = this.#jobs.filter((job) => !which(job));
    return unready.concat(removed);
  }
}

function worstFirst(a: QueueJob, b: QueueJob): number {
  return byPriority(b, a);
}
