/** The jobs that this process has locked and whose outcome is not in the database yet. */

import type { QueueJob } from "../../store/queue/queue-job.ts";

export class UnsettledJobs {
  readonly #ids = new Set<string>();
  readonly #early = new Map<string, QueueJob>();

  has(jobId: string): boolean {
    return this.#ids.has(jobId);
  }

  /**
   * False for a job whose last outcome is still being sent: it has landed, but the reply was
   * lost, and when it is sent again it may undo this very lock. So it goes back after that.
   */
  add(job: QueueJob): boolean {
    const before = this.#ids.size;
    const isNew = this.#ids.add(job.id).size > before;
    if (!isNew) this.#early.set(job.id, job);
    return isNew;
  }

  /** Its outcome has landed. The job, if it had been fetched again before that was known. */
  settled(jobId: string): QueueJob | undefined {
    const again = this.#early.get(jobId);
    if (again === undefined) this.#ids.delete(jobId);
    else this.#early.delete(jobId);
    return again;
  }
}
