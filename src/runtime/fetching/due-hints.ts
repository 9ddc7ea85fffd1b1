/**
 * Whether there may be due jobs that nobody has asked for yet. Answers come late and, with two
 * questions under way, out of order: an answer only speaks of the time at which it was asked.
 */

export class DueHints {
  #now = 0;
  #hintedAt = 0;
  #clearedAt = 0;

  /** Something may have become due. */
  hint(): void {
    this.#now += 1;
    this.#hintedAt = this.#now;
  }

  /** The database is being asked; what comes back goes to `answered`. */
  asked(): number {
    this.#now += 1;
    return this.#now;
  }

  /** `full`: it brought as many jobs as it was asked for, so there were others left. */
  answered(askedAt: number, full: boolean): void {
    if (full) this.#hintedAt = Math.max(this.#hintedAt, askedAt);
    else this.#clearedAt = Math.max(this.#clearedAt, askedAt);
  }

  get open(): boolean {
    return this.#hintedAt > this.#clearedAt;
  }
}
