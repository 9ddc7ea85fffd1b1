/**
 * Makes a call at once when asked for, but never sooner than `intervalMs` after the last one:
 * what is asked for in between is answered by one call at the end of that time.
 */

export class SpacedCalls {
  readonly #intervalMs: number;
  readonly #call: () => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number, call: () => void) {
    this.#intervalMs = intervalMs;
    this.#call = call;
  }

  ask(): void {
    if (this.#timer !== undefined) return;
    const waitMs = this.#lastMs + this.#intervalMs - performance.now();
    if (waitMs <= 0) this.#now();
    else this.#timer = setTimeout(() => this.#now(), waitMs);
  }

  /** What was asked for is not done any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #now(): void {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    this.#call();
  }
}
