/**
 * Keeps the progress that handlers report with their jobs, for others to see while they run.
 * Best effort: the last progress of an attempt is written again with its outcome, so a write
 * that fails here costs a moment's freshness and nothing else.
 */

import type pg from "pg";
import type { Progress } from "../../core/context.ts";
import type { Logger } from "../../core/logger.ts";
import { saveProgress } from "../../store/queue/save-progress.ts";
import type { Schemas } from "../../store/schemas.ts";

export interface ProgressWriterOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
}

export class ProgressWriter {
  readonly #options: ProgressWriterOptions;
  readonly #pending = new Map<string, Progress>();
  #writing: ReadonlySet<string> | null = null;
  #written: Promise<void> = Promise.resolve();

  constructor(options: ProgressWriterOptions) {
    this.#options = options;
  }

  save(jobId: string, progress: Progress): void {
    this.#pending.set(jobId, progress);
    if (this.#writing === null) void this.#writeAll();
  }

  /**
   * Resolves when the progress of that job is no longer on its way; null when it isn't. An
   * outcome that overtook it would leave it behind as a row of a job that is gone.
   */
  written(jobId: string): Promise<void> | null {
    this.#pending.delete(jobId);
    return this.#writing?.has(jobId) ? this.#written : null;
  }

  /** One write at a time; what comes meanwhile goes together in the next. */
  async #writeAll(): Promise<void> {
    while (this.#pending.size > 0) {
      const batch = new Map(this.#pending);
      this.#pending.clear();
      this.#writing = new Set(batch.keys());
      this.#written = this.#write(batch);
      await this.#written;
    }
    this.#writing = null;
  }

  async #write(batch: ReadonlyMap<string, Progress>): Promise<void> {
    const { db, schemas, logger } = this.#options;
    await saveProgress(db, schemas, [...batch]).catch((error) =>
      logger.debug({ err: error }, "could not write progress"),
    );
  }
}
