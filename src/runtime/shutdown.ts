/**
 * The order in which a process stops: take no more, let handlers end, tell them to end, give
 * back what is left, write everything down, sign off.
 */

import { ShutdownError } from "../core/task-errors.ts";
import type { Dispatcher } from "./fetching/dispatcher.ts";
import type { Settler } from "./settling/settle.ts";
import { within } from "./within.ts";

export interface ShutdownOptions {
  readonly dispatcher: Dispatcher;
  readonly settler: Settler;
  /** How long handlers may go on before their signal aborts. */
  readonly graceMs: number;
  /** How long after that until their attempts are given back without them. */
  readonly deadlineMs: number;
  /** Aborts when there is no time left for either. */
  readonly hurry: AbortSignal;
}

// When the database is away there is no point in waiting for it for long: the locks of this
// process are broken by others once it is silent.
const writeDeadlineMs = 5000;
const hurriedWriteDeadlineMs = 1500;

/**
 * Resolves when every attempt has ended and its outcome is written, or time is up: false then,
 * since this process may still hold locks.
 */
export async function shutDown(options: ShutdownOptions): Promise<boolean> {
  const { dispatcher, settler, graceMs, deadlineMs, hurry } = options;
  const fetchingStopped = dispatcher.stopFetching();
  await within(graceMs, dispatcher.untilIdle(), hurry);
  for (const attempt of dispatcher.running) attempt.abort(new ShutdownError());
  await within(deadlineMs, dispatcher.untilIdle(), hurry);
  for (const attempt of dispatcher.running) {
    attempt.abandon({ state: "returned", reason: "the process stopped before the handler did" });
  }
  // A fetch that was under way may still bring jobs; they are handed to the settler as well.
  const writeMs = () => (hurry.aborted ? hurriedWriteDeadlineMs : writeDeadlineMs);
  const handedOver = Promise.all([fetchingStopped, dispatcher.untilIdle()]);
  const all = await within(writeMs(), handedOver, null);
  return (await settler.stop(writeMs())) && all;
}
