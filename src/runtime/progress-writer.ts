/**
 * Keeps the progress that handlers report with their jobs, for others to see while they run.
 * Best effort: the last progress of an attempt is written again with its outcome, so a write
 * that fails here costs a moment's freshness and nothing else.
 */

import type pg from "pg";
import type { Progress } from "../core/context.ts";
import type { Logger } from "../core/logger.ts";
import { saveProgress } from "../store/queue/save-progress.ts";
import type { Schemas } from "../store/schemas.ts";

export interface ProgressWriterOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
}

export class ProgressWriter {
  readonly #options: ProgressWriterOptions;
  readonly #pending = new Map<string, Progress>();
  #writing = false;

  constructor(options: ProgressWriterOptions) {
    this.#options = options;
  }

  save(jobId: string, progress: Progress): void {
    this.#pending.set(jobId, progress);
    if (!this.#writing) void this.#write();
  }

  /** One write at a time; what comes meanwhile goes together in the next. */
  async #write(): Promise<void> {
    const { db, schemas, logger } = this.#options;
    this.#writing = true;
    while (this.#pending.size > 0) {
      const batch = [...this.#pending];
      this.#pending.clear();
      await saveProgress(db, schemas, batch).catch((error) =>
        logger.debug({ err: error }, "could not write progress"),
      );
    }
    this.#writing = false;
  }
}
