/**
 * Runs what comes after the handler (a compensation, `onFailed`) within the time that an attempt
 * of the job has, with a signal of its own: the handler's may have been aborted.
 */

import { formatDuration } from "../../core/duration.ts";
import { TaskTimeoutError } from "../../core/task-errors.ts";
import type { Attempt } from "./attempt.ts";

/** setTimeout takes no more. */
const longestTimerMs = 2 ** 31 - 1;

/** Rejects with a TaskTimeoutError when `run` has not ended in time and in the grace after it. */
export async function runLimited<T>(attempt: Attempt, run: () => T | Promise<T>): Promise<T> {
  attempt.renewSignal();
  const { limitMs } = attempt;
  if (limitMs === false) return run();
  const late = Promise.withResolvers<never>();
  let graceTimer: ReturnType<typeof setTimeout> | undefined;
  const expire = () => {
    const reason = new TaskTimeoutError(`timed out after ${formatDuration(limitMs)}`);
    attempt.abort(reason);
    graceTimer = setTimeout(() => late.reject(reason), attempt.settings.timeoutGraceMs);
  };
  const timer = setTimeout(expire, Math.min(limitMs, longestTimerMs));
  try {
    return await Promise.race([run(), late.promise]);
  } finally {
    clearTimeout(timer);
    clearTimeout(graceTimer);
  }
}
