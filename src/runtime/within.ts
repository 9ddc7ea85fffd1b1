/** Waiting with a limit. */

import { pause } from "../store/transient.ts";

/**
 * Whether it came to its end in time; `hurry` ends the time at once. Leaves no timer behind that
 * would hold up the process.
 */
export async function within(
  limitMs: number,
  end: Promise<unknown>,
  hurry: AbortSignal | null,
): Promise<boolean> {
  const over = new AbortController();
  const signals = hurry === null ? [over.signal] : [over.signal, hurry];
  const timeUp = pause(limitMs, AbortSignal.any(signals)).then(() => false);
  const inTime = await Promise.race([end.then(() => true), timeUp]);
  over.abort();
  return inTime;
}
