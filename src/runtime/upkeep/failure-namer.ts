/**
 * Names the faults of failed jobs in the background, every few seconds those that are new. Every
 * process does it: two that name the same one write the same. How is `store/queue/name-failures`'
 * business.
 */

import type pg from "pg";
import type { Logger } from "../../core/logger.ts";
import { nameFailures, nameLateFailures } from "../../store/queue/name-failures.ts";
import type { Schemas } from "../../store/schemas.ts";
import { pause } from "../../store/transient.ts";
import type { BackgroundService } from "../background-service.ts";

export interface FailureNamerOptions {
  readonly db: Pick<pg.Pool, "query">;
  readonly schemas: Schemas;
  readonly logger: Logger;
  /** Default: 10 seconds. */
  readonly intervalMs?: number;
  /** False when every failure has a name. Default: that isn't known. */
  readonly mayHaveWork?: () => boolean;
}

const betweenLateMs = 10 * 60_000;
// Whatever waits for the disk goes in between.
const betweenPiecesMs = 20;

export class FailureNamer implements BackgroundService {
  readonly #options: FailureNamerOptions;
  readonly #stopped = new AbortController();
  #naming: Promise<void> = Promise.resolve();

  constructor(options: FailureNamerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#naming = this.#nameOn();
  }

  /** Resolves when the piece that is being named is done, or the database didn't answer. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#naming;
  }

  async #nameOn(): Promise<void> {
    const { db, schemas, logger, intervalMs = 10_000, mayHaveWork } = this.#options;
    const { signal } = this.#stopped;
    const isDue = () => !signal.aborted && (mayHaveWork?.() ?? true);
    let nextLateMs = Date.now() + betweenLateMs * Math.random();
    // Not all processes of a deployment at the same moment, and none at its start.
    await pause(intervalMs * (0.5 + Math.random() / 2), signal);
    while (!signal.aborted) {
      try {
        while (isDue() && (await nameFailures(db, schemas))) {
          await pause(betweenPiecesMs, signal);
        }
        if (Date.now() >= nextLateMs && !signal.aborted) {
          nextLateMs = Date.now() + betweenLateMs;
          await nameLateFailures(db, schemas);
        }
      } catch (error) {
        logger.debug({ err: error }, "could not name what made jobs fail; trying again");
      }
      await pause(intervalMs, signal);
    }
  }
}
