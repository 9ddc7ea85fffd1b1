/** Why waiting for a job brought no output. */

import { TaskrunError } from "../core/errors.ts";
import type { JobState } from "../core/job.ts";
import type { JobEnd } from "../store/jobs.ts";

export class JobWaitError extends TaskrunError {
  readonly jobId: string;
  readonly task: string | null;
  /** What the job was when the waiting ended; null when there is no such job. */
  readonly state: JobState | null;
  /** The message of the job's last error, or why it was cancelled. */
  readonly jobError: string | null;
  readonly attempts: number;

  constructor(
    code: "job-failed" | "job-cancelled" | "job-not-found" | "wait-timeout",
    jobId: string,
    job: JobEnd | null,
    what: string,
  ) {
    super(code, what);
    this.name = "JobWaitError";
    this.jobId = jobId;
    this.task = job?.task ?? null;
    this.state = job?.state ?? null;
    this.jobError = job?.error ?? null;
    this.attempts = job?.attempts ?? 0;
  }
}
