/**
 * graphile-worker's batch jobs: a payload that is an array, answered by an array of promises.
 * The attempt waits for all of them and fails when any did. All entries are run again then,
 * the ones that went well included.
 */

import type { Layer } from "../core/compose.ts";
import { toFailure } from "../core/failure.ts";
import { isPromiseLike } from "../core/promise-like.ts";

const mostShown = 10;

export function settleBatch(): Layer {
  return function settle(attempt, next) {
    const result = next(attempt);
    if (!Array.isArray(attempt.job.payload)) return result;
    return isPromiseLike(result) ? result.then(settleAll) : settleAll(result);
  };
}

function settleAll(result: unknown): unknown {
  return Array.isArray(result) && result.some(isPromiseLike) ? outputsOf(result) : result;
}

async function outputsOf(entries: readonly unknown[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(entries);
  const reasons = settled.filter((each) => each.status === "rejected").map((each) => each.reason);
  if (reasons.length > 0) {
    const shown = reasons.slice(0, mostShown).map((each) => toFailure(each, "default").message);
    const more = reasons.length > mostShown ? "; …" : "";
    throw new AggregateError(
      reasons,
      `${reasons.length} of ${entries.length} entries of the batch failed: ${shown.join("; ")}${more}`,
    );
  }
  return settled.map((each) => (each.status === "fulfilled" ? each.value : null));
}
