/**
 * graphile-worker's batch jobs: a payload that is an array, answered by an array of promises,
 * one for each entry. The attempt waits for all of them and fails when any did; which entries
 * are done by then stays on the attempt, so that only the others are run again.
 *
 * Refuses to guess: an array without a promise, or with another length, is an output.
 */

import { BatchError } from "../core/batch-error.ts";
import type { Layer } from "../core/compose.ts";
import { isPromiseLike } from "../core/promise-like.ts";
import { unwrapResult } from "../core/result.ts";
import type { RunningAttempt } from "../core/running-attempt.ts";

export function settleBatch(): Layer {
  return function settle(attempt, next) {
    const result = next(attempt);
    if (!Array.isArray(attempt.job.payload)) return result;
    return isPromiseLike(result)
      ? result.then((settled) => settleAll(attempt, settled))
      : settleAll(attempt, result);
  };
}

function settleAll(attempt: RunningAttempt, result: unknown): unknown {
  if (!Array.isArray(result) || !result.some(isPromiseLike)) return result;
  const { job, payload } = attempt;
  const queued = Array.isArray(job.payload) ? job.payload.length : 0;
  if (result.length === queued) return outputsOf(attempt, result, true);
  // A schema has dropped or added entries: nobody can tell which of the queued ones failed.
  const parsed = Array.isArray(payload) ? payload.length : 0;
  if (result.length === parsed) return outputsOf(attempt, result, false);
  attempt.logger.warn(
    { ...attempt.logFields(), entries: queued, returned: result.length },
    "the handler returned promises, but not one for each entry of the payload: kept as its output",
  );
  return result;
}

async function outputsOf(
  attempt: RunningAttempt,
  entries: readonly unknown[],
  alike: boolean,
): Promise<unknown[]> {
  const done = entries.map(() => false);
  // Asked for at the attempt's end, which a timeout may bring before the last entry's.
  if (alike) attempt.remaining = () => [...done.keys()].filter((index) => done[index] === false);
  const settled = await Promise.allSettled(
    entries.map(async (entry, index) => {
      const output = unwrapResult(await entry);
      done[index] = true;
      return output;
    }),
  );
  const reasons = settled.filter((each) => each.status === "rejected").map((each) => each.reason);
  if (reasons.length > 0) throw new BatchError(reasons, entries.length);
  return settled.map((each) => (each.status === "fulfilled" ? each.value : null));
}
