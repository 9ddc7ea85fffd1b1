/** Counts wrong tokens by the address they came from, and says when there were too many. */

interface Count {
  failures: number;
  untilMs: number;
}

export interface FailedLoginsOptions {
  /** Wrong tokens from one address before further ones are refused unread. */
  readonly limit: number;
  /** From the first of them on. */
  readonly windowMs: number;
  /** Default: the system's clock. */
  readonly now?: () => number;
}

/** So that many addresses can't fill the memory. */
const mostAddresses = 10_000;

export class FailedLogins {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  /** In the order of their first failure. */
  readonly #counts = new Map<string, Count>();

  constructor({ limit, windowMs, now = Date.now }: FailedLoginsOptions) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  failed(address: string): void {
    const count = this.#current(address);
    if (count !== undefined) {
      count.failures += 1;
      return;
    }
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size < mostAddresses) break;
      this.#counts.delete(oldest);
    }
    this.#counts.set(address, { failures: 1, untilMs: this.#now() + this.#windowMs });
  }

  /** How long the address has to wait; 0 = not at all. */
  waitMs(address: string): number {
    const count = this.#current(address);
    if (count === undefined || count.failures < this.#limit) return 0;
    return count.untilMs - this.#now();
  }

  #current(address: string): Count | undefined {
    const count = this.#counts.get(address);
    if (count === undefined || count.untilMs > this.#now()) return count;
    this.#counts.delete(address);
    return undefined;
  }
}
