/** Durations as people write them ("30s", "1h30m") to milliseconds and back. */

import { TaskrunError } from "./errors.ts";
import { showValue } from "./show-value.ts";

/** "500ms", "30s", "5m", "24h", "7d", or milliseconds. */
export type Duration = string | number;

const unitMs: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
};

const whole = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

/**
 * Milliseconds of a duration: "500ms" "30s" "5m" "24h" "7d", parts may follow each other
 * ("1h30m"); a number is milliseconds already.
 *
 * @throws TaskrunError "bad-duration" for anything else, negative and endless ones included.
 */
export function parseDuration(value: Duration): number {
  if (typeof value === "number") {
    if (Number.isFinite(value) && value >= 0) return value;
  } else if (typeof value === "string" && whole.test(value)) {
    let totalMs = 0;
    for (const [, amount, unit] of value.matchAll(part)) {
      totalMs += Number(amount) * (unitMs[unit ?? ""] ?? Number.NaN);
    }
    if (Number.isSafeInteger(Math.round(totalMs))) return totalMs;
  }
  throw new TaskrunError("bad-duration", `${showValue(value)} is not a duration`);
}

/** The shortest exact spelling of a whole number of milliseconds: 5400000 is "1h30m". */
export function formatDuration(ms: number): string {
  let restMs = Math.round(ms);
  if (restMs <= 0) return "0ms";
  let text = "";
  for (const [unit, size] of Object.entries(unitMs)) {
    const amount = Math.floor(restMs / size);
    if (amount === 0) continue;
    text += `${amount}${unit}`;
    restMs -= amount * size;
  }
  return text;
}
