/** What the dispatcher asks of the process around it. */

import type { Outcome } from "../../core/outcome.ts";
import type { Task } from "../../core/task.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { Attempt } from "../attempt/attempt.ts";
import type { Settler } from "../settling/settle.ts";
import type { Fetched } from "./job-fetcher.ts";
import type { FetchCode } from "./waiting-jobs.ts";

export interface DispatcherOptions {
  readonly concurrency: number;
  readonly settler: Settler;
  /**
   * Locks due jobs that may start here, `limit` or a few more. `urgent`: those are enough that come
   * before what the next fetches would bring.
   */
  readonly fetch: (limit: number, urgent: boolean) => Promise<Fetched>;
  /** A job of the task has ended: whether there may be another that waited for its slot. */
  readonly slotFreed: (task: Task) => boolean;
  /** Which of the jobs that wait here must not start now; null when there can be none. */
  readonly heldBack: () => ((job: QueueJob) => boolean) | null;
  /** Undefined when the task has gone since the job was fetched. */
  readonly findTask: (name: string) => Task | undefined;
  /** Which jobs wait for the code of their task; see WaitingJobs. */
  readonly fetchCode: () => FetchCode;
  readonly createAttempt: (job: QueueJob, task: Task) => Attempt;
  readonly execute: (attempt: Attempt) => Promise<Outcome>;
  readonly onFetchError: (error: unknown) => void;
  readonly onFetched: () => void;
  readonly onAttemptEnd: (attempt: Attempt) => void;
  /** While progress of that job is being written: what follows must not overtake it. */
  readonly progressWritten: (jobId: string) => Promise<void> | null;
}
