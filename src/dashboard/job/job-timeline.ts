/** What happened to a job, in the order it happened: made of its times and attempts. Pure. */

import type { JobDetails } from "../api/records.ts";
import { formatMs, momentMs } from "../controls/format.ts";

export interface TimelineEvent {
  readonly at: string;
  /** A state, or "added". */
  readonly kind: string;
  readonly what: string;
}

export function jobTimeline(job: JobDetails): TimelineEvent[] {
  const events: TimelineEvent[] = [
    { at: job.created_at, kind: "added", what: addedText(job) },
    ...job.attempts.flatMap((attempt) => {
      const { number, started, ran } = {
        number: attempt.attempt,
        started: attempt.started_at,
        ran: attempt.run_ms === null ? "" : ` after ${formatMs(attempt.run_ms)}`,
      };
      const { name, message } = attempt.error;
      const error = [name, message].filter(Boolean).join(": ");
      return [
        ...(started === null
          ? []
          : [{ at: started, kind: "running", what: `Attempt ${number} began` }]),
        {
          at: attempt.finished_at,
          kind: attempt.state,
          what: `Attempt ${number} ${attempt.state}${ran}: ${error}`,
        },
      ];
    }),
    ...lastAttempt(job),
    ...waiting(job),
  ];
  return events.sort((a, b) => (momentMs(a.at) ?? 0) - (momentMs(b.at) ?? 0));
}

function addedText({ created_by: by, parent }: JobDetails): string {
  const from = parent === null ? "" : ` by job ${parent.id}`;
  return `Added${from}${by === null ? "" : ` for ${by}`}`;
}

/** The one that isn't among those that failed. */
function lastAttempt(job: JobDetails): TimelineEvent[] {
  const { started_at: started, completed_at: ended, status } = job;
  const isKnown = job.attempts.some((one) => one.started_at === started);
  const began =
    started === null || isKnown || status === "pending"
      ? []
      : [{ at: started, kind: "running", what: `Attempt ${job.current_attempt} began` }];
  if (ended === null || job.attempts.some((one) => one.finished_at === ended)) return began;
  if (status === "failed" && job.attempts.at(-1)?.state === "failed") return began;
  const ran = job.run_ms === null ? "" : ` after ${formatMs(job.run_ms)}`;
  const why = status === "cancelled" && job.error !== null ? `: ${job.error}` : "";
  return [...began, { at: ended, kind: status, what: `${sentence(status)}${ran}${why}` }];
}

function waiting({ status, scheduled_at: due }: JobDetails): TimelineEvent[] {
  if (due === null || !["scheduled", "retrying"].includes(status)) return [];
  return [{ at: due, kind: "scheduled", what: "Due" }];
}

function sentence(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
