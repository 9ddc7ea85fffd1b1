/**
 * Which jobs run at this moment, in memory that the heartbeat's thread can read: it keeps the
 * list in the process's row, so that after a crash one can tell the jobs that were being run
 * from those that had only been taken ahead. Costs two stores for each attempt.
 *
 * Layout: the bell, the count of changes, then one number for each slot; 0 is an empty one. A
 * thread that has nothing to do arms the bell and is woken by the next change.
 */

const bellBytes = Float64Array.BYTES_PER_ELEMENT;
const armed = 1;
const rung = 0;

export class RunningSlots {
  readonly buffer: SharedArrayBuffer;
  readonly #bell: Int32Array;
  readonly #cells: Float64Array;
  readonly #free: number[] = [];

  constructor(slots: number) {
    this.buffer = new SharedArrayBuffer(bellBytes + (slots + 1) * Float64Array.BYTES_PER_ELEMENT);
    this.#bell = new Int32Array(this.buffer, 0, 1);
    this.#cells = new Float64Array(this.buffer, bellBytes);
    for (let slot = slots; slot > 0; slot -= 1) this.#free.push(slot);
  }

  /** The slot that the job has from now on; 0 when all are taken, and then it has none. */
  take(jobId: string): number {
    const slot = this.#free.pop() ?? 0;
    if (slot > 0) this.#set(slot, Number(jobId));
    return slot;
  }

  free(slot: number): void {
    if (slot === 0) return;
    this.#set(slot, 0);
    this.#free.push(slot);
  }

  #set(slot: number, value: number): void {
    this.#cells[slot] = value;
    this.#cells[0] = (this.#cells[0] ?? 0) + 1;
    if (this.#bell[0] === armed) ringBell(this.buffer);
  }
}

/** Ends the waiting of `nextChange`. */
export function ringBell(buffer: SharedArrayBuffer): void {
  const bell = new Int32Array(buffer, 0, 1);
  Atomics.store(bell, 0, rung);
  Atomics.notify(bell, 0);
}

/**
 * Resolves at the next change of a buffer that had changed `changes` times, when the bell is rung,
 * or after `timeoutMs`. One thread may wait at a time.
 */
export async function nextChange(
  buffer: SharedArrayBuffer,
  changes: number,
  timeoutMs: number,
): Promise<void> {
  const bell = new Int32Array(buffer, 0, 1);
  Atomics.store(bell, 0, armed);
  if (readRunningSlots(buffer).changes === changes) {
    await Atomics.waitAsync(bell, 0, armed, timeoutMs).value;
  }
  Atomics.store(bell, 0, rung);
}

/** What a thread reads of a buffer: how often it has changed, and the ids in it. */
export function readRunningSlots(buffer: SharedArrayBuffer): { changes: number; ids: number[] } {
  const [changes = 0, ...slots] = new Float64Array(buffer, bellBytes);
  return { changes, ids: slots.filter((id) => id > 0) };
}
