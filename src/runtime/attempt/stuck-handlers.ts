/**
 * Handlers that outlasted their attempts: told to stop, given their grace, and still running in a
 * process that can't end them. Says so with what is known of where each one hangs, and counts them
 * until they end.
 */

import { formatDuration } from "../../core/duration.ts";
import type { RuntimeEvents } from "../../core/events.ts";
import type { Job } from "../../core/job.ts";
import type { Logger } from "../../core/logger.ts";
import type { Outcome } from "../../core/outcome.ts";

/** What is asked of an attempt: an `Attempt`. */
export interface StuckAttempt {
  readonly job: Job;
  readonly startedAtMs: number;
  readonly stopReason: Error | null;
  readonly decided: Outcome | null;
  readonly lastCall: ContextCall | null;
  logFields(): Record<string, unknown>;
}

/** What a handler last asked of its context. */
export interface ContextCall {
  /** "ctx.query(select 1)". */
  readonly what: string;
  /** When it was asked, then when it was answered; epoch milliseconds. */
  atMs: number;
  answered: boolean;
}

export class StuckHandlers {
  /** How many there are, as one Int32: for the thread that beats. */
  readonly buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #shared = new Int32Array(this.buffer);
  readonly #logger: Logger;
  readonly #events: RuntimeEvents;
  readonly #stuck = new Set<StuckAttempt>();

  constructor({ logger, events }: { readonly logger: Logger; readonly events: RuntimeEvents }) {
    this.#logger = logger;
    this.#events = events;
  }

  /** Handlers that still run although their attempts have been settled. */
  get count(): number {
    return this.#stuck.size;
  }

  /** The attempt is settled without its handler. */
  abandoned(attempt: StuckAttempt): void {
    this.#stuck.add(attempt);
    this.#tell();
    const ranMs = Date.now() - attempt.startedAtMs;
    const { decided, job, stopReason } = attempt;
    const given = decided !== null && "reason" in decided ? decided.reason : null;
    const why = stopReason?.message ?? given;
    const hangs = whereItHangs(attempt.lastCall);
    this.#logger.warn(
      { ...attempt.logFields(), ranMs, why, hangs, stuck: this.count },
      "stuck: the handler did not stop when it was told to, its attempt is settled without it",
    );
    this.#events.emit("attempt:abandoned", { job, ranMs, hangs });
  }

  /** Its handler has ended after all. */
  ended(attempt: StuckAttempt): void {
    if (!this.#stuck.delete(attempt)) return;
    this.#tell();
    const ranMs = Date.now() - attempt.startedAtMs;
    this.#logger.info(
      { ...attempt.logFields(), ranMs, stuck: this.count },
      "a handler that was stuck has ended; what it came to does not count",
    );
  }

  #tell(): void {
    Atomics.store(this.#shared, 0, this.count);
  }
}

/** How many there are, by the buffer of another thread's `StuckHandlers`. */
export function readStuckCount(buffer: SharedArrayBuffer): number {
  return Atomics.load(new Int32Array(buffer), 0);
}

/** As far as it can be known: by what passed through its context. */
function whereItHangs(call: ContextCall | null): string {
  if (call === null) return "in something of its own: it has not used its context";
  const since = formatDuration(Date.now() - call.atMs);
  return call.answered
    ? `in something of its own, for ${since}: since ${call.what} was answered`
    : `in ${call.what}, for ${since}`;
}
