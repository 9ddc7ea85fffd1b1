/** A clock that stands still until a test turns it. */

import type { Clock } from "../../src/core/clock.ts";

interface Waiter {
  readonly untilMs: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  readonly #waiters = new Set<Waiter>();
  #watchers: (() => void)[] = [];
  #nowMs: number;

  constructor(moment: string) {
    this.#nowMs = Date.parse(moment);
  }

  /** How many wait at this moment. */
  get count(): number {
    return this.#waiters.size;
  }

  now(): number {
    return this.#nowMs;
  }

  wait(delayMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiters.delete(waiter);
        resolve();
      };
      const waiter = { untilMs: this.#nowMs + Math.max(1, delayMs), wake };
      signal.addEventListener("abort", wake, { once: true });
      this.#waiters.add(waiter);
      for (const look of this.#watchers.splice(0)) look();
    });
  }

  /** Resolves when that many wait. */
  async waiting(count: number): Promise<void> {
    while (this.#waiters.size < count) {
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  /** Lets the time go on until that moment; whoever waits is woken when it is time. */
  async advanceTo(moment: string): Promise<void> {
    const untilMs = Date.parse(moment);
    const count = this.#waiters.size;
    for (;;) {
      const next = Math.min(...[...this.#waiters].map((waiter) => waiter.untilMs));
      if (next > untilMs) break;
      await this.#set(next, count);
    }
    this.#nowMs = untilMs;
  }

  /** Sets the clock, forwards or backwards, as if nothing had been in between. */
  async jumpTo(moment: string): Promise<void> {
    await this.#set(Date.parse(moment), this.#waiters.size, true);
  }

  async #set(nowMs: number, count: number, wakesAll = false): Promise<void> {
    this.#nowMs = nowMs;
    for (const waiter of this.#waiters) if (wakesAll || waiter.untilMs <= nowMs) waiter.wake();
    await this.waiting(count);
  }
}
