/**
 * `ctx.waitFor`: what has become of other jobs, or an error that ends the attempt until they have
 * ended. Suspending the job is the settling's; see `store/queue/suspend`.
 */

import type { EndedJob } from "../../core/context.ts";
import { PermanentError, WaitingError } from "../../core/task-errors.ts";
import type { ParentEnd } from "../../store/dependencies.ts";

export type FindParentEnds = (ids: readonly string[]) => Promise<readonly ParentEnd[]>;

/** Where there is no database to ask. */
export const noneEnded: FindParentEnds = async (ids) =>
  ids.map((id) => ({ id, task: null, state: "unfinished", output: null, error: null }));

/**
 * In the order asked.
 *
 * @throws WaitingError while one of them has not ended; PermanentError for what is no job's id or
 *   this job's own
 */
export async function waitFor<Output>(
  jobId: string,
  ids: readonly string[],
  find: FindParentEnds,
): Promise<readonly EndedJob<Output>[]> {
  refuseWrongIds(jobId, ids);
  if (ids.length === 0) return [];
  const ends = await find(ids);
  const unfinished = ends.filter(({ state }) => state === "unfinished").map(({ id }) => id);
  if (unfinished.length > 0) throw new WaitingError([...new Set(unfinished)]);
  // why: the output's type is what the other task's file promises; the database has JSON
  return ends.map(asEnded) as EndedJob<Output>[];
}

function refuseWrongIds(jobId: string, ids: readonly unknown[]): void {
  if (!Array.isArray(ids)) {
    throw new PermanentError(`ctx.waitFor takes an array of job ids, got ${typeof ids}`);
  }
  const wrong = ids.find((id) => typeof id !== "string" || !/^\d{1,18}$/.test(id));
  if (wrong !== undefined) {
    throw new PermanentError(`ctx.waitFor takes the ids of jobs as strings, got ${show(wrong)}`);
  }
  if (ids.includes(jobId)) throw new PermanentError(`Job ${jobId} can't wait for itself`);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : `a ${typeof value}`;
}

function asEnded({ id, task, state, output, error }: ParentEnd): EndedJob {
  const ended = state === "completed" || state === "failed" || state === "cancelled";
  return { id, task, state: ended ? state : null, output, error };
}
