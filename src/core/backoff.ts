/**
 * How long to wait after a failed attempt.
 *
 *   exponential   baseDelay × factor^(attempt − 1)
 *   linear        baseDelay + increment × (attempt − 1)
 *   fixed         baseDelay
 *
 * capped at maxDelay, then spread by jitter: × (1 − jitter + 2 × jitter × random), and capped
 * again. `attempt` is the one that failed, 1-based, so the first wait is `baseDelay`.
 */

import { parseDuration } from "./duration.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { TaskPolicies } from "./task.ts";

/** What holds where a task, its folders and the config say nothing. */
export const defaultRetry = {
  strategy: "exponential",
  baseDelay: "1s",
  factor: 2,
  maxDelay: "5m",
  jitter: 0.1,
  maxAttempts: 3,
} as const satisfies RetryPolicy;

/**
 * Milliseconds to wait after `attempt` ended with `error`; "give_up" if the task's own function
 * says so.
 *
 * @param random a number from 0 to 1
 * @throws whatever the task's function throws; TaskrunError "bad-duration" for what it returns
 */
export function backoffMs(
  policy: TaskPolicies["retry"],
  attempt: number,
  error: unknown,
  random: number,
): number | "give_up" {
  if (typeof policy === "function") {
    const answer = policy(error, attempt);
    return answer === "give_up" ? answer : parseDuration(answer);
  }
  const capMs = parseDuration(policy.maxDelay);
  const delayMs = Math.min(plainDelayMs(policy, attempt), capMs);
  return Math.min(Math.round(delayMs * (1 - policy.jitter + 2 * policy.jitter * random)), capMs);
}

function plainDelayMs(policy: RetryPolicy, attempt: number): number {
  const baseMs = parseDuration(policy.baseDelay ?? defaultRetry.baseDelay);
  const before = Math.max(0, attempt - 1);
  switch (policy.strategy) {
    case "fixed":
      return baseMs;
    case "linear":
      return baseMs + parseDuration(policy.increment ?? baseMs) * before;
    default:
      return baseMs * finitePower(policy.factor ?? defaultRetry.factor, before);
  }
}

/** Never endless, which no wait of 0 could be multiplied by. */
export function finitePower(factor: number, exponent: number): number {
  return Math.min(factor ** exponent, Number.MAX_VALUE);
}
