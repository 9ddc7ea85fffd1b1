/**
 * Of several jobs that were running in a process when it died one may have killed it, and the
 * others were beside it; the second time it is much the same. Before the third, which is the last,
 * such jobs run one after the other: what kills its process again does so alone.
 */

import type { Job } from "../../core/job.ts";
import { mostCrashes } from "../../store/queue/rescue.ts";

/** With one more, the job fails. */
export function isQuarantined({ crashes }: Pick<Job, "crashes">): boolean {
  return crashes >= mostCrashes - 1;
}

export class Quarantine {
  #last: Promise<unknown> = Promise.resolve();

  /** Calls `begin` once all before it have ended, or when `hastened` resolves. */
  async run<Result>(begin: () => Promise<Result>, hastened: Promise<void>): Promise<Result> {
    const before = this.#last;
    const end = Promise.withResolvers<void>();
    this.#last = before.then(() => end.promise);
    try {
      await Promise.race([before, hastened]);
      return await begin();
    } finally {
      end.resolve();
    }
  }
}
