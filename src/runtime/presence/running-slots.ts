/**
 * Which jobs run at this moment, in memory that the heartbeat's thread can read: it keeps the
 * list in the process's row, so that after a crash one can tell the jobs that were being run
 * from those that had only been taken ahead. Costs two stores for each attempt.
 *
 * Layout: the count of changes, then one number for each slot; 0 is an empty one.
 */

export class RunningSlots {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Float64Array;
  readonly #free: number[] = [];

  constructor(slots: number) {
    this.buffer = new SharedArrayBuffer((slots + 1) * Float64Array.BYTES_PER_ELEMENT);
    this.#cells = new Float64Array(this.buffer);
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
  }
}

/** What a thread reads of a buffer: how often it has changed, and the ids in it. */
export function readRunningSlots(buffer: SharedArrayBuffer): { changes: number; ids: number[] } {
  const [changes = 0, ...slots] = new Float64Array(buffer);
  return { changes, ids: slots.filter((id) => id > 0) };
}
