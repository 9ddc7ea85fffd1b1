/**
 * Looks, every few seconds, whether jobs wait for others that have ended without telling them: a
 * plain graphile-worker process completed them, somebody removed them by hand, two transactions
 * missed each other. One process at a time does it. Refuses to decide anything: that is the
 * database's function.
 */

import type pg from "pg";
import type { Logger } from "../../core/logger.ts";
import { sweepBlocked } from "../../store/dependencies.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { BackgroundService } from "../background-service.ts";

export interface BlockedSweepOptions {
  readonly db: Pick<pg.Pool, "query">;
  readonly schemas: Schemas;
  readonly logger: Logger;
  /** Default 3 s. */
  readonly intervalMs?: number;
  /** False when no job waits for another. Default: that isn't known. */
  readonly mayHaveWork?: () => boolean;
}

const defaultIntervalMs = 3000;

export class BlockedSweep implements BackgroundService {
  readonly #options: BlockedSweepOptions;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | null = null;

  constructor(options: BlockedSweepOptions) {
    this.#options = options;
  }

  start(): void {
    const { intervalMs = defaultIntervalMs, mayHaveWork } = this.#options;
    this.#timer = setInterval(() => {
      if (mayHaveWork?.() ?? true) this.#sweeping ??= this.#sweep();
    }, intervalMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const { db, schemas, logger } = this.#options;
    try {
      const resolved = await sweepBlocked(db, schemas);
      if (resolved > 0) logger.info({ jobs: resolved }, "found jobs that waited for ended ones");
    } catch (error) {
      // The next sweep finds the same, whether the database was away or it met a deadlock.
      logger.debug({ err: error }, "could not look after blocked jobs");
    } finally {
      this.#sweeping = null;
    }
  }
}
