/**
 * How many attempts may start before the event loop goes round: while jobs that never wait are
 * started one after another, nothing that comes from outside is heard, urgent jobs among it.
 */

// Some milliseconds' worth of the smallest jobs.
const perTurn = 250;

export class StartAllowance {
  readonly #onNextTurn: () => void;
  #taken = 0;
  #refused = false;

  /** `onNextTurn` is called when the loop has gone round after a start was refused. */
  constructor(onNextTurn: () => void) {
    this.#onNextTurn = onNextTurn;
  }

  /** A start was refused in this turn. */
  get usedUp(): boolean {
    return this.#refused;
  }

  /** Whether one more may start now. */
  take(): boolean {
    if (this.#taken === perTurn) {
      this.#refused = true;
      return false;
    }
    if (this.#taken++ === 0) setImmediate(() => this.#renew());
    return true;
  }

  #renew(): void {
    this.#taken = 0;
    if (!this.#refused) return;
    this.#refused = false;
    this.#onNextTurn();
  }
}
