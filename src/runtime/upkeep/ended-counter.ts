/**
 * Counts what has ended for statistics, off the jobs' way: every few seconds what is new, every
 * minute anew what has come late, and that once an hour also while nothing ends. Every process
 * asks; the database lets one of them do it. How it is counted is `store/queue/ended-counts`'
 * business.
 */

import type pg from "pg";
import type { Logger } from "../../core/logger.ts";
import { countEnded, recountEnded } from "../../store/queue/ended-counts.ts";
import type { Schemas } from "../../store/schemas.ts";
import { pause } from "../../store/transient.ts";
import type { BackgroundService } from "../background-service.ts";

export interface EndedCounterOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  /** Default: 10 seconds. */
  readonly intervalMs?: number;
  /** False when everything that has ended is counted. Default: that isn't known. */
  readonly mayHaveWork?: () => boolean;
}

const minuteMs = 60_000;
/** Records come within moments, but for those that waited for the database to come back. */
const lateMs = 10 * minuteMs;
/** Looked at once an hour: records of a process that was away for long. */
const veryLateMs = 25 * 60 * minuteMs;

export class EndedCounter implements BackgroundService {
  readonly #options: EndedCounterOptions;
  readonly #stopped = new AbortController();
  #counting: Promise<void> = Promise.resolve();

  constructor(options: EndedCounterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#counting = this.#countOn();
  }

  /** Resolves when the piece that is being counted is done, or the database didn't answer. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#counting;
  }

  async #countOn(): Promise<void> {
    const { logger, intervalMs = 10_000, mayHaveWork } = this.#options;
    const { signal } = this.#stopped;
    let lastWorkMs = Number.NEGATIVE_INFINITY;
    // Not all processes of a deployment at the same moment, and none at its start.
    let nextRecountMs = Date.now() + minuteMs * (1 + Math.random());
    let nextLongRecountMs = Date.now() + 5 * minuteMs * (1 + Math.random());
    await pause(intervalMs * (0.5 + Math.random() / 2), signal);
    while (!signal.aborted) {
      try {
        const now = Date.now();
        if (mayHaveWork?.() ?? true) {
          lastWorkMs = now;
          await this.#countAll();
        }
        if (now >= nextLongRecountMs) {
          nextLongRecountMs = now + 60 * minuteMs;
          await this.#recount(veryLateMs);
        } else if (now >= nextRecountMs && now - lastWorkMs < lateMs) {
          nextRecountMs = now + minuteMs;
          await this.#recount(lateMs);
        }
      } catch (error) {
        logger.debug({ err: error }, "could not count what has ended; trying again");
      }
      await pause(intervalMs, signal);
    }
  }

  async #countAll(): Promise<void> {
    const { db, schemas } = this.#options;
    while (!this.#stopped.signal.aborted && (await countEnded(db, schemas)));
  }

  async #recount(backMs: number): Promise<void> {
    const { db, schemas, logger } = this.#options;
    const minutes = await recountEnded(db, schemas, new Date(Date.now() - backMs));
    if (minutes > 0) logger.debug({ minutes }, "counted anew what ended: records had come late");
  }
}
