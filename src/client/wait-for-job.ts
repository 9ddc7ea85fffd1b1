/**
 * Waits for a job's end by looking at it: after 5 ms, then ever less often, at last once a
 * second. A notification would come sooner, but every settled job would have to pay for it.
 */

import { formatDuration } from "../core/duration.ts";
import type { JobEnd } from "../store/jobs.ts";
import { isTransient, pause } from "../store/transient.ts";
import { JobWaitError } from "./job-wait-error.ts";

export interface WaitForJob {
  /** null = there is no such job. */
  readonly look: () => Promise<JobEnd | null>;
  readonly jobId: string;
  /** null = no limit. */
  readonly timeoutMs: number | null;
  readonly signal: AbortSignal | undefined;
}

/** As long as a short job takes from queue to history. */
const firstDelayMs = 5;
const longestDelayMs = 1000;
const growth = 1.5;

/** How long the database may be away at a stretch. */
const patienceMs = 30_000;

/**
 * The output of a job that has completed; null when it has none.
 *
 * @throws JobWaitError when it ended otherwise, is gone, or takes too long; the signal's reason
 */
export async function waitForJob({ look, jobId, timeoutMs, signal }: WaitForJob): Promise<unknown> {
  const deadline = timeoutMs === null ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
  const patientLook = withPatience(look);
  let delayMs = firstDelayMs;
  for (;;) {
    signal?.throwIfAborted();
    const job = await patientLook();
    if (job !== "unknown" && hasEnded(job, jobId)) return job.output;
    if (Date.now() >= deadline && timeoutMs !== null) {
      throw tooLong(job === "unknown" ? null : job, jobId, timeoutMs);
    }
    await pause(Math.min(delayMs, Math.max(0, deadline - Date.now())), signal);
    delayMs = Math.min(delayMs * growth, longestDelayMs);
  }
}

function hasEnded(job: JobEnd | null, jobId: string): job is JobEnd {
  if (job === null) {
    throw new JobWaitError("job-not-found", jobId, job, `There is no job ${jobId}`);
  }
  const why = job.error === null ? "" : `: ${job.error}`;
  const name = `Job ${jobId} (${job.task})`;
  if (job.state === "failed") {
    throw new JobWaitError("job-failed", jobId, job, `${name} has failed${why}`);
  }
  if (job.state === "cancelled") {
    throw new JobWaitError("job-cancelled", jobId, job, `${name} was cancelled${why}`);
  }
  return job.state === "completed";
}

function tooLong(job: JobEnd | null, jobId: string, timeoutMs: number): JobWaitError {
  const waited = `after ${formatDuration(timeoutMs)} of waiting`;
  const what =
    job === null
      ? `The database can't be asked about job ${jobId} ${waited}`
      : `Job ${jobId} is ${job.state} ${waited}`;
  return new JobWaitError("wait-timeout", jobId, job, what);
}

/** A database that restarts is no reason to give up at once. */
function withPatience(look: WaitForJob["look"]): () => Promise<JobEnd | null | "unknown"> {
  let awaySince: number | null = null;
  return async () => {
    try {
      const job = await look();
      awaySince = null;
      return job;
    } catch (error) {
      awaySince ??= Date.now();
      if (!isTransient(error) || Date.now() - awaySince > patienceMs) throw error;
      return "unknown";
    }
  };
}
