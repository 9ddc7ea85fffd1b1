/**
 * Notices, from another thread, that the main thread's event loop is blocked: what a handler in an
 * endless loop can't say of itself. Owns when that is worth a word; who says it is `beat-thread`.
 */

import { loopDelayMs } from "./loop-pulse.ts";
import { readRunningSlots } from "./running-slots.ts";

/** A block that lasts, or one that is over. */
export interface LoopBlock {
  readonly blockedMs: number;
  /** The jobs that ran when it was first noticed. */
  readonly jobs: readonly number[];
  /** Where the main thread was, the innermost frame first; null when that can't be known. */
  readonly stack: readonly string[] | null;
}

export interface LoopWatchOptions {
  /** Of `LoopPulse`. */
  readonly pulse: SharedArrayBuffer;
  /** Of `RunningSlots`. */
  readonly running: SharedArrayBuffer;
  readonly findStack: () => Promise<readonly string[] | null>;
  /** At 5 seconds, at 10, at 20 and so on. */
  readonly onBlocked: (block: LoopBlock) => void;
  readonly onFree: (block: LoopBlock) => void;
}

const everyMs = 250;
const firstMs = 5_000;

export class LoopWatch {
  readonly #options: LoopWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #block: LoopBlock | null = null;
  #nextMs = firstMs;
  #lastLookMs = 0;
  #looking = false;

  constructor(options: LoopWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const nowMs = performance.now();
    const gapMs = nowMs - this.#lastLookMs;
    this.#lastLookMs = nowMs;
    // The whole process was stopped, not its event loop: that has not had its turn yet.
    if (gapMs > everyMs * 3 || this.#looking) return;
    const blockedMs = Math.round(loopDelayMs(this.#options.pulse));
    if (blockedMs >= this.#nextMs) {
      this.#looking = true;
      await this.#notice(blockedMs);
      this.#looking = false;
    } else if (this.#block !== null && blockedMs < everyMs) this.#free(this.#block);
    else if (this.#block !== null) this.#block = { ...this.#block, blockedMs };
  }

  async #notice(blockedMs: number): Promise<void> {
    const { running, findStack, onBlocked } = this.#options;
    this.#nextMs = blockedMs * 2;
    const { jobs } = this.#block ?? { jobs: readRunningSlots(running).ids };
    this.#block = { blockedMs, jobs, stack: await findStack() };
    onBlocked(this.#block);
  }

  #free(block: LoopBlock): void {
    this.#block = null;
    this.#nextMs = firstMs;
    this.#options.onFree(block);
  }
}
