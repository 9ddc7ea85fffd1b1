/**
 * Watches how much memory this process holds, and says when it is more than it may: what leaks
 * in a handler is then freed by a new process, after the jobs of this one, and not by the
 * system's killer in the midst of them.
 */

import type { Logger } from "../core/logger.ts";

export interface MemoryLimitOptions {
  /** In megabytes of resident memory; null = none. */
  readonly limitMb: number | null;
  readonly logger: Logger;
  /** Default 5 s. */
  readonly intervalMs?: number;
}

const megabyte = 1_048_576;

export class MemoryLimit {
  /** Resolves when the limit was exceeded. */
  readonly exceeded: Promise<void>;
  readonly #options: MemoryLimitOptions;
  readonly #exceeded = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MemoryLimitOptions) {
    this.#options = options;
    this.exceeded = this.#exceeded.promise;
  }

  start(): void {
    const { limitMb, intervalMs = 5_000 } = this.#options;
    if (limitMb === null) return;
    this.#timer = setInterval(() => this.#look(limitMb), intervalMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(limitMb: number): void {
    const rssMb = Math.round(process.memoryUsage.rss() / megabyte);
    if (rssMb <= limitMb) return;
    this.stop();
    const fields = { rssMb, maxRss: limitMb };
    this.#options.logger.warn(fields, "this process has grown beyond maxRss: it ends its jobs");
    this.#exceeded.resolve();
  }
}
