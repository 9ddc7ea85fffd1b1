/**
 * What handlers throw on purpose, and the reasons that `ctx.signal` aborts with.
 * Each is known by a brand, not by `instanceof`: a task file may hold another copy of taskrun
 * than the process that runs it.
 */

import { type Duration, parseDuration } from "./duration.ts";

/** What a branded error asks for. */
export type Intent =
  | "permanent"
  | "retryable"
  | "snooze"
  | "payload-schema"
  | "output"
  | "timeout"
  | "shutdown"
  | "cancelled"
  | "stray"
  | "waiting";

// why: Symbol.for can't be typed unique
const intentBrand: unique symbol = Symbol.for("taskrun.error-intent") as never;

/** What the error asks for; null when it is none of ours. Never throws. */
export function intentOf(error: unknown): Intent | null {
  try {
    if (typeof error !== "object" || error === null || !(intentBrand in error)) return null;
    return error[intentBrand] as Intent; // why: only the classes below carry the brand
  } catch {
    return null;
  }
}

/** Gives an error what another of its kind asks for; for one that was rebuilt from its parts. */
export function withIntent<T extends Error>(error: T, intent: Intent): T {
  return Object.assign(error, { [intentBrand]: intent });
}

interface Cause {
  /** What led to it; shown with the stack. */
  cause?: unknown;
}

function causeOf(options: Cause | undefined): ErrorOptions | undefined {
  return options !== undefined && "cause" in options ? { cause: options.cause } : undefined;
}

/** No further attempt: the job has failed, whatever its max_attempts says. */
export class PermanentError extends Error {
  readonly [intentBrand]: Intent = "permanent";

  constructor(message: string, options?: Cause) {
    super(message, causeOf(options));
    this.name = "PermanentError";
  }
}

type RetryOptions = Cause & { after?: Duration };

/** Another attempt, after `after` if given, else as the task's retry policy says. */
export class RetryableError extends Error {
  readonly [intentBrand]: Intent = "retryable";
  /** null = as the retry policy says. */
  readonly afterMs: number | null;

  /**
   * The message may be left out: `new RetryableError({ after: "2m" })`.
   *
   * @throws TaskrunError "bad-duration"
   */
  constructor(message: string | RetryOptions = {}, options: RetryOptions = {}) {
    const { after, ...given } = typeof message === "string" ? options : { ...options, ...message };
    super(typeof message === "string" ? message : "another attempt is needed", causeOf(given));
    this.name = "RetryableError";
    this.afterMs = after === undefined ? null : parseDuration(after);
  }
}

/** The payload makes no sense to the handler. Permanent. */
export class InvalidPayloadError extends PermanentError {
  constructor(message: string, options?: Cause) {
    super(message, options);
    this.name = "InvalidPayloadError";
  }
}

/** A rule of the business forbids it. Permanent. */
export class BusinessLogicError extends PermanentError {
  constructor(message: string, options?: Cause) {
    super(message, options);
    this.name = "BusinessLogicError";
  }
}

/** Somebody else's service failed. Retryable. */
export class ExternalServiceError extends RetryableError {
  constructor(message: string, options: Cause & { after?: Duration } = {}) {
    super(message, options);
    this.name = "ExternalServiceError";
  }
}

/** Somebody else's service asks to wait: another attempt after that long. */
export class RateLimitedError extends RetryableError {
  /** @throws TaskrunError "bad-duration" */
  constructor(after: Duration, message = "rate limited", options?: Cause) {
    super(message, { ...options, after });
    this.name = "RateLimitedError";
  }
}

/** Not now: the job runs again after `after`, and this attempt does not count. */
export class RetryLaterError extends Error {
  readonly [intentBrand]: Intent = "snooze";
  readonly afterMs: number;

  /** @throws TaskrunError "bad-duration" */
  constructor(message: string, after: Duration, options?: Cause) {
    super(message, causeOf(options));
    this.name = "RetryLaterError";
    this.afterMs = parseDuration(after);
  }
}

/** A circuit breaker is open: the job runs again after `after`; the attempt does not count. */
export class CircuitOpenError extends RetryLaterError {
  /** @throws TaskrunError "bad-duration" */
  constructor(message = "circuit breaker is open", after: Duration = "60s", options?: Cause) {
    super(message, after, options);
    this.name = "CircuitOpenError";
  }
}

/** The attempt took longer than the task's timeout. Retryable; also a reason of `ctx.signal`. */
export class TaskTimeoutError extends Error {
  readonly [intentBrand]: Intent = "timeout";

  constructor(message = "the attempt timed out", options?: Cause) {
    super(message, causeOf(options));
    this.name = "TaskTimeoutError";
  }
}

/** Why `ctx.signal` aborts when the process stops. The attempt does not count. */
export class ShutdownError extends Error {
  readonly [intentBrand]: Intent = "shutdown";

  constructor(message = "the process is stopping") {
    super(message);
    this.name = "ShutdownError";
  }
}

/** Why `ctx.signal` aborts when somebody cancels the job. */
export class CancelledError extends Error {
  readonly [intentBrand]: Intent = "cancelled";
  readonly reason: string | null;

  constructor(reason: string | null = null) {
    super(reason === null ? "the job was cancelled" : `the job was cancelled: ${reason}`);
    this.name = "CancelledError";
    this.reason = reason;
  }
}

/** Why `ctx.signal` aborts when an error that nobody caught came from the attempt: its `cause`. */
export class StrayError extends Error {
  readonly [intentBrand]: Intent = "stray";

  constructor(thrown: unknown) {
    super("the attempt left an error that nobody caught", { cause: thrown });
    this.name = "StrayError";
  }
}

/** The payload broke the task's schema. Ours alone: row 4 of the table, after the task's word. */
export class PayloadSchemaError extends Error {
  readonly [intentBrand]: Intent = "payload-schema";

  constructor(message: string) {
    super(message);
    this.name = "InvalidPayloadError";
  }
}

/** The output breaks the task's schema. Always permanent. */
export class InvalidOutputError extends Error {
  readonly [intentBrand]: Intent = "output";

  constructor(message: string, options?: Cause) {
    super(message, causeOf(options));
    this.name = "InvalidOutputError";
  }
}

/**
 * A step or `ctx.once` that can't be: its name is taken, its result is not JSON. Ours alone;
 * permanent, since only other code mends it.
 */
export class StepError extends PermanentError {
  constructor(message: string, options?: Cause) {
    super(message, options);
    this.name = "StepError";
  }
}

/**
 * What `ctx.waitFor` rejects with while jobs have not ended: the attempt is over, and the job runs
 * again when they have. Ours alone; an error, so that `await` leaves the handler.
 */
export class WaitingError extends Error {
  readonly [intentBrand]: Intent = "waiting";
  /** Ids of jobs that have not ended. */
  readonly jobs: readonly string[];

  constructor(jobs: readonly string[]) {
    super(`waiting for ${jobs.length === 1 ? "job" : "jobs"} ${jobs.join(", ")}`);
    this.name = "WaitingError";
    this.jobs = jobs;
  }
}
