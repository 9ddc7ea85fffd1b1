/**
 * Whether large fetches wait for those of other processes. Whoever had to go on without its turn
 * may have waited for a process that is stopped in the middle of its own, and would so each time.
 */

// The database lets it go on without after a second, by its own clock.
const patienceMs = 950;
const withoutMs = 10_000;

export class Turns {
  #againAtMs = Number.NEGATIVE_INFINITY;

  areTaken(nowMs: number): boolean {
    return nowMs >= this.#againAtMs;
  }

  /** Of each fetch that may have waited. */
  fetched(tookMs: number, nowMs: number): void {
    if (tookMs >= patienceMs) this.#againAtMs = nowMs + withoutMs;
  }
}
