/**
 * Once a minute, removes the finished jobs that have been kept long enough, and what limits have
 * left behind; every five minutes while nothing ends. Every process asks; the database lets one of
 * them do it. What is due is `store/prune-jobs`' business.
 */

import type pg from "pg";
import type { Logger } from "../../core/logger.ts";
import { pruneDue } from "../../store/prune-jobs.ts";
import { sweepLimits } from "../../store/queue/fetch-limited.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { BackgroundService } from "../background-service.ts";

export interface PrunerOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  /** Default: a minute. */
  readonly intervalMs?: number;
  /** Nothing has ended for a minute. Default: that isn't known. */
  readonly isQuiet?: () => boolean;
  /** False when no limit has left anything behind. Default: that isn't known. */
  readonly mayHaveLimits?: () => boolean;
  /** Called when it has looked once, whatever came of it. */
  readonly onPruned?: (removed: number) => void;
}

const minuteMs = 60_000;
/** In a row, while nothing ends and nothing was left to remove. */
const mostSkipped = 4;

export class Pruner implements BackgroundService {
  readonly #options: PrunerOptions;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #pruning: Promise<void> = Promise.resolve();
  #mayBeMore = true;
  #skipped = 0;

  constructor(options: PrunerOptions) {
    this.#options = options;
  }

  start(): void {
    const { intervalMs = minuteMs } = this.#options;
    // Not all processes of a deployment at the same moment, and none at its start.
    this.#schedule(intervalMs * (0.5 + Math.random() / 2));
  }

  /** Resolves when the piece that is being removed is done, or the database didn't answer. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopped.abort();
    await this.#pruning;
  }

  #schedule(delayMs: number): void {
    const { intervalMs = minuteMs } = this.#options;
    this.#timer = setTimeout(() => {
      this.#pruning = this.#prune().finally(() => {
        if (!this.#stopped.signal.aborted) this.#schedule(intervalMs);
      });
    }, delayMs);
    this.#timer.unref();
  }

  async #prune(): Promise<void> {
    const { db, schemas, logger, onPruned, isQuiet, mayHaveLimits } = this.#options;
    if (!this.#mayBeMore && this.#skipped < mostSkipped && isQuiet?.()) {
      this.#skipped += 1;
      return;
    }
    this.#skipped = 0;
    this.#mayBeMore = true;
    let removed = 0;
    try {
      removed = await pruneDue(db, schemas, this.#stopped.signal);
      if (mayHaveLimits?.() ?? true) await sweepLimits(db, schemas);
      this.#mayBeMore = removed > 0;
      if (removed > 0) logger.debug({ jobs: removed }, "removed finished jobs kept long enough");
    } catch (error) {
      logger.debug({ err: error }, "could not remove old jobs; trying again in a minute");
    }
    onPruned?.(removed);
  }
}
