/**
 * How many jobs to hold at once: running, waiting in memory and on their way.
 *
 * While the queue is shallow that is just the free slots: an idle process must not lock jobs
 * that another could run. When full batches keep coming back, a round trip per handful of jobs
 * is what holds the work up, so more are taken ahead; but never more than this process works
 * off in `horizonMs`, so that few locks are idle and little stands before a more urgent job.
 *
 * The pace is counted over the time in which there was something to do. Counted by the clock,
 * a slow database would look like slow work and shrink the batches, which makes it slower still.
 */

// A twentieth of a second: a more urgent job starts well within the tenth that people notice.
const horizonMs = 50;
const maxAhead = 2000;
// Up in steps: the first samples are short and taken while everything warms up.
const growth = 8;
// A shorter look says little about the pace.
const minSampleMs = 1;

export class FetchDepth {
  readonly #concurrency: number;
  #depth: number;
  #jobsPerMs = 0;
  #finished = 0;
  #busyMs = 0;
  #busySinceMs: number | null = null;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
    this.#depth = concurrency;
  }

  /** At least the concurrency. */
  get depth(): number {
    return this.#depth;
  }

  /** Large pieces are being fetched ahead, since the queue keeps bringing full ones. */
  get isDeep(): boolean {
    return this.#depth > this.#concurrency * 2;
  }

  /** There is something to do from now on. */
  busy(nowMs: number): void {
    this.#busySinceMs ??= nowMs;
  }

  /** There is nothing to do. */
  idle(nowMs: number): void {
    if (this.#busySinceMs === null) return;
    this.#busyMs += nowMs - this.#busySinceMs;
    this.#busySinceMs = null;
  }

  /** An attempt has ended. */
  finished(): void {
    this.#finished += 1;
  }

  /** `full`: as many jobs came as were asked for. */
  answered(full: boolean, nowMs: number): void {
    if (full) this.full(nowMs);
    else this.drained();
  }

  /** A fetch brought as many jobs as it asked for: the queue holds more. */
  full(nowMs: number): void {
    this.#sample(nowMs);
    const ahead = Math.min(maxAhead, Math.ceil(this.#jobsPerMs * horizonMs));
    this.#depth = Math.min(this.#depth * growth, this.#concurrency + ahead);
  }

  /** A fetch brought less than it asked for: the queue has been emptied. */
  drained(): void {
    this.#depth = this.#concurrency;
  }

  #sample(nowMs: number): void {
    if (this.#busySinceMs !== null) {
      this.#busyMs += nowMs - this.#busySinceMs;
      this.#busySinceMs = nowMs;
    }
    if (this.#busyMs < minSampleMs && this.#jobsPerMs > 0) return;
    const jobsPerMs = this.#finished / Math.max(this.#busyMs, minSampleMs);
    this.#jobsPerMs = this.#jobsPerMs === 0 ? jobsPerMs : (this.#jobsPerMs + jobsPerMs) / 2;
    this.#finished = 0;
    this.#busyMs = 0;
  }
}
