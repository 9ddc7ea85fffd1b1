/** Jobs that were taken ahead and have not started, best first. */

import { byPriority, type QueueJob } from "../../store/queue/queue-job.ts";

export class WaitingJobs {
  /** The best one is the last: it leaves without the others moving up. */
  #jobs: QueueJob[] = [];

  get count(): number {
    return this.#jobs.length;
  }

  countOf(which: (job: QueueJob) => boolean): number {
    let count = 0;
    for (const job of this.#jobs) if (which(job)) count += 1;
    return count;
  }

  /** `jobs` are in order among themselves. */
  add(jobs: readonly QueueJob[]): void {
    if (this.#jobs.length === 0) this.#jobs = jobs.toReversed();
    else if (jobs.length > 0) this.#jobs = this.#jobs.concat(jobs).sort(worstFirst);
  }

  /** The best one leaves. */
  next(): QueueJob | undefined {
    return this.#jobs.pop();
  }

  /** Those leave that `which` holds for. */
  remove(which: (job: QueueJob) => boolean): QueueJob[] {
    if (!this.#jobs.some(which)) return [];
    const removed = this.#jobs.filter(which);
    this.#jobs = this.#jobs.filter((job) => !which(job));
    return removed;
  }
}

function worstFirst(a: QueueJob, b: QueueJob): number {
  return byPriority(b, a);
}
