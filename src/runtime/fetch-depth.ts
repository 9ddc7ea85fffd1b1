/**
 * How many jobs to hold at once: running, waiting in memory and on their way.
 *
 * While the queue is shallow that is just the free slots: an idle process must not lock jobs
 * that another could run. When full batches keep coming back, a round trip per handful of jobs
 * is what holds the work up, so more are taken ahead; but never more than `horizonMs` of the
 * work seen lately, so that a job of higher priority doesn't wait behind what is already here.
 */

// A twentieth of a second: a more urgent job starts well within the tenth that people notice.
const horizonMs = 50;
const maxAhead = 2000;
// A shorter look says little about the rate.
const minSampleMs = 2;

export class FetchDepth {
  readonly #concurrency: number;
  #depth: number;
  #sampledAtMs = 0;
  #finished = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
    this.#depth = concurrency;
  }

  /** At least the concurrency. */
  get depth(): number {
    return this.#depth;
  }

  /** An attempt has ended. */
  finished(): void {
    this.#finished += 1;
  }

  /** A fetch brought as many jobs as it asked for: the queue holds more. */
  full(nowMs: number): void {
    const elapsedMs = nowMs - this.#sampledAtMs;
    if (this.#sampledAtMs === 0 || elapsedMs > 1000) {
      this.#startSample(nowMs);
      return;
    }
    if (elapsedMs < minSampleMs) return;
    const ahead = Math.min(maxAhead, (this.#finished / elapsedMs) * horizonMs);
    // Up in steps: the first samples are short and taken while everything warms up.
    const target = Math.min(this.#depth * 4, this.#concurrency + ahead);
    this.#depth = Math.max(this.#concurrency, Math.round((this.#depth + target) / 2));
    this.#startSample(nowMs);
  }

  /** A fetch brought less than it asked for: the queue has been emptied. */
  drained(): void {
    this.#depth = this.#concurrency;
    this.#sampledAtMs = 0;
  }

  #startSample(nowMs: number): void {
    this.#sampledAtMs = nowMs;
    this.#finished = 0;
  }
}
