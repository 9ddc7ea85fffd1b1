/**
 * How long the main thread's event loop keeps a timer waiting, in memory that the heartbeat's
 * thread can read: also while the loop is blocked, when the main thread itself can say nothing.
 * Costs one timer and two stores a quarter of a second.
 *
 * Layout: when the timer ran last, and the longest delay since somebody asked; milliseconds.
 */

const everyMs = 250;

export class LoopPulse {
  readonly buffer = new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT);
  readonly #cells = new Float64Array(this.buffer);
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#cells[0] = nowMs();
    this.#timer = setInterval(() => {
      this.#cells[1] = Math.max(this.#cells[1] ?? 0, delayMs(this.#cells));
      this.#cells[0] = nowMs();
    }, everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The longest delay since the last call, or the one that lasts; whole milliseconds. */
export function takeLoopLag(buffer: SharedArrayBuffer): number {
  const cells = new Float64Array(buffer);
  const worst = Math.max(cells[1] ?? 0, delayMs(cells));
  cells[1] = 0;
  return Math.round(worst);
}

/** How long the loop has kept the timer waiting by now; milliseconds. */
export function loopDelayMs(buffer: SharedArrayBuffer): number {
  return delayMs(new Float64Array(buffer));
}

function delayMs([lastMs = 0]: Float64Array): number {
  return Math.max(0, nowMs() - lastMs - everyMs);
}

/** The same clock in every thread. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
