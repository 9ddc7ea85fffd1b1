/**
 * Remembers when jobs that this process has put off will be due again, and says so on time: the
 * poll alone would make a retry after 100 ms wait for two seconds. What is due later than in a
 * minute is left to the poll, which is exact enough for it.
 */

// Jobs that are due this close together share one look.
const grainMs = 20;
const farMs = 60_000;

export class DueTimer {
  readonly #onDue: () => void;
  readonly #dueAtMs = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** A job will be due after so many milliseconds. */
  add(delayMs: number): void {
    if (delayMs > farMs) return;
    const atMs = Math.ceil((performance.now() + delayMs) / grainMs) * grainMs;
    this.#dueAtMs.add(atMs);
    if (atMs < this.#timerAtMs) this.#schedule(atMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#dueAtMs.clear();
  }

  #schedule(atMs: number): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, atMs - performance.now()));
  }

  #fire(): void {
    const nowMs = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const atMs of this.#dueAtMs) {
      if (atMs <= nowMs) this.#dueAtMs.delete(atMs);
      else if (atMs < nextMs) nextMs = atMs;
    }
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    if (nextMs < Number.POSITIVE_INFINITY) this.#schedule(nextMs);
    this.#onDue();
  }
}
