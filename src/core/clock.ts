/** What time it is, and waiting: passed in where tests must be able to turn the clock. */

import { setTimeout as sleep } from "node:timers/promises";

export interface Clock {
  /** Milliseconds since 1970, as `Date.now()`. */
  now(): number;
  /** Resolves after `delayMs`, or as soon as `signal` aborts. Never rejects. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  wait: (delayMs, signal) => sleep(delayMs, undefined, { signal }).catch(() => {}),
};
