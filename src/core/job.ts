/**
 * A job as an attempt sees it: one row of the queue, in our words.
 * Owns the shape only; `store/queue` reads and writes the rows.
 */

import type { Duration } from "./duration.ts";
import type { JobRetry } from "./retry-policy.ts";

/** Any value that survives `JSON.stringify` and comes back the same. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** One row of the queue that has been fetched for an attempt. */
export interface Job {
  /** The id that `add_job` returned; a decimal string, since it may pass 2^53. */
  readonly id: string;
  /** The task name in the row: the task's own name or one of its aliases. */
  readonly task: string;
  /** The payload as queued, parsed from JSON, before any schema has seen it. */
  readonly payload: unknown;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** The error message of the attempt before, if there was one. */
  readonly lastError: string | null;
  readonly createdAt: Date;
  /** When the job was due. */
  readonly runAt: Date;
  readonly key: string | null;
  /** The serial queue's name. */
  readonly queue: string | null;
  /** Lower runs first. */
  readonly priority: number;
  readonly correlationId: string | null;
  readonly createdBy: string | null;
  /** The job that enqueued this one. */
  readonly parentId: string | null;
  readonly metadata: Readonly<Record<string, Json>> | null;
  readonly flags: Readonly<Record<string, boolean>> | null;
  readonly revision: number;
  /** This job's own retry policy, as it was given; null = the task's. */
  readonly retry: JobRetry | null;
  /** This job's own limit for each attempt; false = none, null = the task's. */
  readonly timeoutMs: number | false | null;
  /** How the job will end once its steps are compensated; null as long as that isn't decided. */
  readonly ending: JobEnding | null;
  /** It was in the hands of a process that died; perhaps it is what killed it. */
  readonly suspect: boolean;
  /** In how many processes it was running when they died. */
  readonly crashes: number;
}

/** An ending that was decided before the steps that the job has done could be compensated. */
export interface JobEnding {
  readonly state: "failed" | "cancelled";
  readonly error: {
    readonly name: string;
    readonly message: string;
    readonly stack: string | null;
    readonly rule: string;
  } | null;
  readonly reason: string | null;
}

/** How to enqueue a job. Every option overrides what the task's file says. */
export interface EnqueueOptions {
  /** Not before this moment. Excludes `delay`. */
  runAt?: Date | string;
  /** Not before this long from now: a duration like "5m", or milliseconds. Excludes `runAt`. */
  delay?: string | number;
  /** A name or an integer from -32768 to 32767; lower runs first. Default: the task's, else 0. */
  priority?: Priority;
  /** Serial queue: jobs that share a name run one at a time. At most 128 characters. */
  queue?: string;
  /** At most one waiting job per key. At most 512 characters. */
  key?: string;
  /** What a second add with the same key does. Default "replace". */
  keyMode?: "replace" | "preserve_run_at" | "unsafe_dedupe";
  /** Attempts before the job has failed for good. Default: the task's `retry.maxAttempts`, 3. */
  maxAttempts?: number;
  /** Follows the job and the jobs it enqueues through logs and history. */
  correlationId?: string;
  /** Who asked for it: a user, a service. */
  createdBy?: string;
  /** Kept with the job and its history, not shown to the schema. */
  metadata?: Record<string, Json>;
  /** The job that asked for this one; set by `ctx.enqueue`. */
  parentId?: string;
  /** Default: the task's. */
  retry?: JobRetry;
  /** An attempt's limit; false = none. Default: the task's. */
  timeout?: Duration | false;
  /** Ids of jobs that must have ended before this one runs. */
  after?: readonly string[];
  /** What becomes of this job when one of `after` fails or is cancelled. Default "cancel". */
  onParentFailure?: "cancel" | "run" | "fail";
}

export type PriorityName = "critical" | "high" | "normal" | "low";
export type Priority = PriorityName | number;

/** Lower runs first, as in graphile-worker. */
export const priorityNumbers: Readonly<Record<PriorityName, number>> = {
  critical: -100,
  high: -10,
  normal: 0,
  low: 10,
};

/** What a job is now, each under its own name. Seen in `taskrun.jobs.state`. */
export const jobStates = [
  "pending",
  "scheduled",
  "blocked",
  "running",
  "retrying",
  "completed",
  "failed",
  "cancelled",
] as const;

export type JobState = (typeof jobStates)[number];
