/**
 * The retry policy that one job brings along: whether it is one, and how long it makes the job
 * wait. It may come from anywhere, by raw SQL too, so that nothing is taken for granted.
 *
 * A RetryPolicy is laid over the task's, option by option. A RetryStrategy (it has a `type`)
 * stands alone, and its waits are exact: see `retry-policy.ts`.
 */

import { backoffMs, defaultRetry, finitePower } from "./backoff.ts";
import { defaultsFaults } from "./check-definition.ts";
import { closestName } from "./closest-name.ts";
import type { JobRetry, RetryStrategy } from "./retry-policy.ts";
import { shortText } from "./short-text.ts";
import { showValue } from "./show-value.ts";
import type { TaskPolicies } from "./task.ts";

/** No wait is longer: some 31 years. */
const longestDelayMs = 1e12;

const milliseconds = {
  expected: `a number of milliseconds from 0 to ${longestDelayMs}`,
  fits: (value: unknown) => isNumber(value, 0) && value <= longestDelayMs,
};
const attempts = {
  expected: "a whole number from 1 to 32767",
  fits: (value: unknown) => isNumber(value, 1) && value <= 32_767 && Number.isInteger(value),
};
const factor = {
  expected: "a number above 0",
  fits: (value: unknown) => isNumber(value, Number.MIN_VALUE),
};

const optional = { max_delay_ms: milliseconds, max_attempts: attempts };
const strategies = {
  exponential: { required: { base_delay_ms: milliseconds, multiplier: factor }, optional },
  linear: { required: { base_delay_ms: milliseconds, increment_ms: milliseconds }, optional },
  fixed: { required: { interval_ms: milliseconds }, optional: { max_attempts: attempts } },
} as const;

/** What is wrong with a job's retry policy: "retry.factor: got 0.5, expected …"; null = nothing. */
export function jobRetryProblem(retry: unknown): string | null {
  if (typeof retry !== "object" || retry === null || Array.isArray(retry)) {
    return `retry: got ${showValue(retry)}, expected an object like { maxAttempts: 5 }`;
  }
  if ("type" in retry) return strategyProblem(retry);
  const [fault] = defaultsFaults({ retry }, "");
  return fault === undefined ? null : `${fault.field}: ${fault.problem}`;
}

/** The attempts that a right policy gives its job; undefined where it doesn't say. */
export function jobMaxAttempts(retry: JobRetry): number | undefined {
  return isStrategy(retry) ? retry.max_attempts : retry.maxAttempts;
}

/**
 * Milliseconds to wait after `attempt` (1-based) of a job with a right policy of its own.
 *
 * @param random a number from 0 to 1
 */
export function jobBackoffMs(
  retry: JobRetry,
  task: TaskPolicies["retry"],
  attempt: number,
  random: number,
): number {
  if (isStrategy(retry)) return strategyDelayMs(retry, attempt);
  const outer = typeof task === "function" ? defaultRetry : task;
  const delayMs = backoffMs({ ...outer, ...retry }, attempt, null, random);
  return delayMs === "give_up" ? 0 : Math.min(delayMs, longestDelayMs);
}

function isStrategy(retry: JobRetry): retry is RetryStrategy {
  return "type" in retry;
}

function strategyDelayMs(retry: RetryStrategy, attempt: number): number {
  const cap = (delayMs: number, maxMs = longestDelayMs) => Math.min(delayMs, maxMs, longestDelayMs);
  switch (retry.type) {
    case "exponential":
    case "Exponential":
      return cap(
        Math.floor(retry.base_delay_ms * finitePower(retry.multiplier, attempt)),
        retry.max_delay_ms,
      );
    case "linear":
    case "Linear":
      return cap(retry.base_delay_ms + retry.increment_ms * attempt, retry.max_delay_ms);
    default:
      return cap(retry.interval_ms);
  }
}

function strategyProblem(retry: object & { type: unknown }): string | null {
  const type = typeof retry.type === "string" ? lowerFirst(retry.type) : "";
  if (type !== "exponential" && type !== "linear" && type !== "fixed") {
    const names = '"exponential", "linear" or "fixed"';
    return `retry.type: got ${showValue(retry.type)}, expected ${names}`;
  }
  const fields = strategies[type];
  const given = new Map(Object.entries(retry));
  for (const [name, { expected, fits }] of Object.entries(fields.required)) {
    if (!given.has(name)) return `retry.${name}: missing, expected ${expected}`;
    if (!fits(given.get(name))) return wrong(name, given.get(name), expected);
  }
  for (const [name, { expected, fits }] of Object.entries(fields.optional)) {
    const value = given.get(name);
    if (value !== undefined && !fits(value)) return wrong(name, value, expected);
  }
  const known = ["type", ...Object.keys(fields.required), ...Object.keys(fields.optional)];
  const unknown = [...given.keys()].find((name) => !known.includes(name));
  if (unknown === undefined) return null;
  const meant = closestName(unknown, known);
  const fix = meant === null ? `expected one of ${known.join(", ")}` : `did you mean ${meant}?`;
  return `retry.${shortText(unknown)}: unknown field, ${fix}`;
}

function wrong(name: string, value: unknown, expected: string): string {
  return `retry.${name}: got ${showValue(value)}, expected ${expected}`;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function isNumber(value: unknown, least: number): value is number {
  return typeof value === "number" && value >= least;
}
