/** How long to wait between attempts, as tasks and jobs say it. What it comes to: `backoff.ts`. */

import type { Duration } from "./duration.ts";

/** How long to wait after a failed attempt. */
export interface RetryPolicy {
  /** Default "exponential". */
  strategy?: "exponential" | "linear" | "fixed";
  /** The wait after the first failed attempt. Default "1s". */
  baseDelay?: Duration;
  /** exponential: each wait is this many times the one before. Default 2. */
  factor?: number;
  /** linear: each wait is this much longer than the one before. Default: `baseDelay`. */
  increment?: Duration;
  /** No wait is longer. Default "5m". */
  maxDelay?: Duration;
  /** Up to this share of the wait is added or taken at random: 0 to 1. Default 0.1. */
  jitter?: number;
  /** Attempts before the job has failed for good; for jobs that we enqueue. Default 3. */
  maxAttempts?: number;
}

/** A retry policy of one job: as in a task, or in the form of jobs that come by HTTP or SQL. */
export type JobRetry = RetryPolicy | RetryStrategy;

/**
 * A retry policy as JSON with milliseconds; the delays are exact, without jitter. After the
 * attempt `n` (1-based) has failed the job waits
 *
 *   exponential   base_delay_ms × multiplier^n rounded down, at most max_delay_ms
 *   linear        base_delay_ms + increment_ms × n, at most max_delay_ms
 *   fixed         interval_ms
 */
export type RetryStrategy =
  | {
      type: "exponential" | "Exponential";
      base_delay_ms: number;
      multiplier: number;
      max_delay_ms?: number;
      max_attempts?: number;
    }
  | {
      type: "linear" | "Linear";
      base_delay_ms: number;
      increment_ms: number;
      max_delay_ms?: number;
      max_attempts?: number;
    }
  | { type: "fixed" | "Fixed"; interval_ms: number; max_attempts?: number };
