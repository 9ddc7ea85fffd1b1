/**
 * Knows whether jobs of tasks that this process doesn't have may stand in front of its own. A
 * fetch in order reads past all of them each time; one that goes task by task doesn't.
 *
 * Nobody tells, and asking costs a statement: so it asks when a fetch has been slow, and while
 * there are such jobs, now and then.
 */

// A fetch in order reads tens of thousands of rows in that time.
const slowMs = 20;
const askAgainMs = 2000;

export class OthersInFront {
  readonly #ask: () => Promise<boolean>;
  #found = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** `ask` may reject: then what was known before holds. */
  constructor(ask: () => Promise<boolean>) {
    this.#ask = ask;
  }

  get found(): boolean {
    return this.#found;
  }

  /** Of each fetch that waits for nobody, how long it took. */
  fetched(tookMs: number): void {
    if (tookMs < slowMs && !this.#found) return;
    const nowMs = performance.now();
    if (nowMs - this.#askedAtMs < askAgainMs) return;
    this.#askedAtMs = nowMs;
    this.#ask().then(
      (found) => {
        this.#found = found;
      },
      () => undefined,
    );
  }
}
