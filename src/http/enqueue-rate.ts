/**
 * How fast each caller may create tasks: a bucket of as many as a minute allows, that fills up
 * again evenly. Counted in the memory of the process that serves the API.
 */

import { HttpError } from "./http-error.ts";

export interface EnqueueRateOptions {
  /** Tasks in a minute, and at once after a minute without any. Null = as many as they like. */
  readonly perMinute: number | null;
  /** Default: the system's clock. */
  readonly now?: () => number;
}

interface Bucket {
  left: number;
  atMs: number;
}

/** So that many names, which an application may make up, can't fill the memory. */
const mostCallers = 10_000;
const minuteMs = 60_000;

export class EnqueueRate {
  readonly #perMinute: number | null;
  readonly #now: () => number;
  /** In the order of their last task. */
  readonly #buckets = new Map<string, Bucket>();

  constructor({ perMinute, now = Date.now }: EnqueueRateOptions) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /**
   * One more task of that caller; null where no name is needed.
   *
   * @throws HttpError 429 that says when the next one is taken
   */
  take(caller: string | null): void {
    if (this.#perMinute === null) return;
    const name = caller ?? "";
    const bucket = this.#filled(name, this.#perMinute);
    this.#buckets.delete(name);
    this.#forgetOldest();
    this.#buckets.set(name, bucket);
    if (bucket.left >= 1) bucket.left -= 1;
    else throw tooFast(caller, this.#perMinute, (1 - bucket.left) * (minuteMs / this.#perMinute));
  }

  #filled(name: string, perMinute: number): Bucket {
    const atMs = this.#now();
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return { left: perMinute, atMs };
    const filledBy = (Math.max(0, atMs - bucket.atMs) * perMinute) / minuteMs;
    return { left: Math.min(perMinute, bucket.left + filledBy), atMs };
  }

  #forgetOldest(): void {
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size < mostCallers) return;
      this.#buckets.delete(oldest);
    }
  }
}

function tooFast(caller: string | null, perMinute: number, waitMs: number): HttpError {
  const who = caller === null ? "This API" : `The token ${caller}`;
  const what = `${who} creates more than ${perMinute} tasks a minute.`;
  return new HttpError(429, "too-many-tasks", what, {
    nextStep: "Try again when Retry-After is over; httpEnqueueRate is the limit.",
    headers: { "retry-after": String(Math.max(1, Math.ceil(waitMs / 1_000))) },
  });
}
