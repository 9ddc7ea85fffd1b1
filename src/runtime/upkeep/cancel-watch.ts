/**
 * Ends the running jobs that somebody wants cancelled. Each look reads all open requests that
 * concern this process: its own running attempts are told to stop, and what doesn't run anywhere
 * any more is left to the sweep in the database. So it doesn't matter which message was lost, or
 * at which moment an attempt ended; one more look mends it.
 *
 * Looks when told to: by a message, or by the regular look, which also finds requests whose process
 * died; and when an attempt that it has stopped is settled.
 */

import type pg from "pg";
import type { Logger } from "../../core/logger.ts";
import type { Outcome } from "../../core/outcome.ts";
import { CancelledError } from "../../core/task-errors.ts";
import { openCancellations, sweepCancellations } from "../../store/queue/cancellations.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { BackgroundService } from "../background-service.ts";
import type { Dispatcher } from "../fetching/dispatcher.ts";

export interface CancelWatchOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  readonly dispatcher: Pick<Dispatcher, "running" | "holds" | "endWaiting">;
  readonly processId: () => string;
}

// The reply that brings the job is on its way, or the database could not be asked.
const soonMs = 100;
// What ends a job that has not started is the look after its settling: it may have steps to
// compensate. Until then nobody should take it again.
const notNow: Outcome = { state: "snoozed", delayMs: 10_000, reason: "cancelled before its start" };

export class CancelWatch implements BackgroundService {
  readonly #options: CancelWatchOptions;
  /** Jobs of this process whose request is to be ended once they are settled. */
  readonly #told = new Set<string>();
  /** Those that have been settled since the last look. */
  #released: string[] = [];
  #soon: NodeJS.Timeout | undefined;
  #looking = false;
  #again = false;
  #stopped = false;

  constructor(options: CancelWatchOptions) {
    this.#options = options;
  }

  start(): void {}

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#soon);
  }

  /** There may be requests for this process. */
  look(): void {
    if (this.#stopped) return;
    this.#again = true;
    if (!this.#looking) void this.#lookUntilQuiet();
  }

  /** Called when outcomes have landed. */
  settled(batch: readonly { readonly job: { readonly id: string } }[]): void {
    if (this.#told.size === 0) return;
    for (const { job } of batch) if (this.#told.delete(job.id)) this.#released.push(job.id);
    if (this.#released.length > 0) this.look();
  }

  async #lookUntilQuiet(): Promise<void> {
    this.#looking = true;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        await this.#lookOnce();
      }
    } catch (error) {
      this.#options.logger.debug({ err: error }, "could not look for cancelled jobs");
      this.#lookSoon();
    } finally {
      this.#looking = false;
    }
  }

  async #lookOnce(): Promise<void> {
    const { db, schemas, logger, processId } = this.#options;
    const open = await openCancellations(db, schemas, processId());
    for (const { id, note } of open.filter(({ running }) => running)) this.#tell(id, note);
    const released = this.#released.splice(0);
    if (open.every(({ running }) => running) && released.length === 0) return;
    for (const { id, state } of await sweepCancellations(db, schemas, released)) {
      logger.debug({ jobId: id, state }, "ended a request to cancel a job that ran no more");
    }
  }

  #tell(id: string, note: string | null): void {
    const { dispatcher } = this.#options;
    if (!dispatcher.holds(id)) {
      this.#lookSoon();
      return;
    }
    this.#told.add(id);
    for (const attempt of dispatcher.running) {
      if (attempt.job.id === id) attempt.abort(new CancelledError(note));
    }
    dispatcher.endWaiting(id, notNow);
  }

  #lookSoon(): void {
    if (this.#stopped || this.#soon !== undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.look();
    }, soonMs);
    this.#soon.unref();
  }
}
