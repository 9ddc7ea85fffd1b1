/** Whether a task wants no record at all of jobs that end in a certain way. */

import type { OutcomeState } from "./outcome.ts";
import type { Retain } from "./task.ts";

/** False for endings that are not final: their job goes on. */
export function keepsNothing(retain: Retain, state: OutcomeState): boolean {
  if (state === "completed") return retain.completedMs === 0;
  if (state === "failed") return retain.failedMs === 0;
  return state === "cancelled" && retain.cancelledMs === 0;
}
