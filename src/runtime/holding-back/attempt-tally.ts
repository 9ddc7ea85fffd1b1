/** How attempts of one task ended, one after the other, in as few numbers as a breaker needs. */

import type { AttemptCounts } from "../../store/gates.ts";

export class AttemptTally {
  #failures = 0;
  #longest = 0;
  #lastRun: number | null = null;
  #error: string | null = null;

  fail(error: string): void {
    this.#error = error;
    if (this.#lastRun === null) this.#failures += 1;
    else {
      this.#lastRun += 1;
      this.#longest = Math.max(this.#longest, this.#lastRun);
    }
  }

  succeed(): void {
    this.#lastRun = 0;
  }

  get counts(): AttemptCounts {
    const [failures, longest] = [this.#failures, this.#longest];
    return { failures, longest, lastRun: this.#lastRun, error: this.#error };
  }
}
