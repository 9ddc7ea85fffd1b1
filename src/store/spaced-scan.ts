/** Lets a dear question be asked often while it is cheap, and seldom as it grows. */

export interface SpacedScanOptions {
  /** At least so long between two. */
  readonly intervalMs: number;
  /** What the question may take of the time: 0.02 is 2 %. */
  readonly share: number;
}

export class SpacedScan<Answer> {
  readonly #options: SpacedScanOptions;
  readonly #ask: () => Promise<Answer>;
  #nextMs = Number.NEGATIVE_INFINITY;
  #last: { readonly answer: Answer } | null = null;

  constructor(options: SpacedScanOptions, ask: () => Promise<Answer>) {
    this.#options = options;
    this.#ask = ask;
  }

  /** The answer, perhaps an earlier one. */
  async answer(): Promise<Answer> {
    return this.#last === null || this.#isTime() ? this.#askNow() : this.#last.answer;
  }

  /** A new answer, or null when it isn't time for one. */
  async fresh(): Promise<Answer | null> {
    return this.#isTime() ? this.#askNow() : null;
  }

  #isTime(): boolean {
    return performance.now() >= this.#nextMs;
  }

  async #askNow(): Promise<Answer> {
    const { intervalMs, share } = this.#options;
    const startMs = performance.now();
    const answer = await this.#ask();
    const endMs = performance.now();
    this.#nextMs = endMs + Math.max(intervalMs, (endMs - startMs) / share);
    this.#last = { answer };
    return answer;
  }
}
