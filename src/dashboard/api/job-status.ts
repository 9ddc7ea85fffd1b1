/** The states of a job, in the order in which they are shown. */

export const jobStatuses = [
  "pending",
  "scheduled",
  "blocked",
  "running",
  "retrying",
  "completed",
  "failed",
  "cancelled",
] as const;

export type JobStatus = (typeof jobStatuses)[number];
