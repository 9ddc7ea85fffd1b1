/** Measures how late this process's timers are: what a blocked event loop keeps waiting. */

import { type ELDHistogram, monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 20;
const nsPerMs = 1e6;

export class LoopLag {
  readonly #windowMs: number;
  readonly #histogram: ELDHistogram;
  #timer: NodeJS.Timeout | null = null;
  #beforeMs = 0;

  /** `windowMs`: how long a delay is remembered, at least; at most twice that. */
  constructor({ windowMs }: { readonly windowMs: number }) {
    this.#windowMs = windowMs;
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  }

  start(): void {
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      this.#beforeMs = this.#nowMs();
      this.#histogram.reset();
    }, this.#windowMs).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#histogram.disable();
  }

  /** The longest delay of late, in milliseconds. */
  get worstMs(): number {
    return Math.max(this.#beforeMs, this.#nowMs());
  }

  #nowMs(): number {
    return Math.max(0, Math.round(this.#histogram.max / nsPerMs) - resolutionMs);
  }
}
