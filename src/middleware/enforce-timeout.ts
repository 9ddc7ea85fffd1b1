/**
 * Bounds an attempt: tells the handler to stop when the time is up, and stops waiting for it
 * when it doesn't. Also the one that hears of a cancel, a shutdown and a decision from outside.
 *
 * A handler can't be killed. One that ignores its signal runs on without a say: what it returns
 * or throws later is swallowed here, so that it can't become an unhandled rejection.
 */

import type { Layer } from "../core/compose.ts";
import { formatDuration } from "../core/duration.ts";
import { isPromiseLike } from "../core/promise-like.ts";
import type { RunningAttempt } from "../core/running-attempt.ts";
import { intentOf, TaskTimeoutError } from "../core/task-errors.ts";

/** setTimeout takes no more, and fires at once when given more. */
const longestTimerMs = 2 ** 31 - 1;

type Timer = ReturnType<typeof setTimeout>;

/** `timeoutMs` is the task's; a job's own goes before it. */
export function enforceTimeout(timeoutMs: number | false): Layer {
  const expire = (attempt: RunningAttempt, afterMs: number) =>
    attempt.abort(new TaskTimeoutError(`timed out after ${formatDuration(afterMs)}`));

  return function limit(attempt, next) {
    // Cancelled, or the process stopped, while the job waited for its turn.
    if (attempt.stopReason !== null) throw attempt.stopReason;
    let waiting = false;
    try {
      const result = next(attempt);
      waiting = isPromiseLike(result);
      if (!waiting) return result;
      // What isn't waited for needs no timer. Node counts one from the time at which this turn of
      // its loop began: what a schema or a handler took before it gave a promise is in it.
      const limitMs = limitOf(attempt.job.timeoutMs, timeoutMs);
      const timer = limitMs === null ? null : setTimeout(expire, limitMs, attempt, limitMs);
      return untilStopped(attempt, result, timer);
    } finally {
      if (!waiting) attempt.detach();
    }
  };
}

/** Null = none. What came by raw SQL and is no limit is passed over. */
function limitOf(own: number | false | null, tasks: number | false): number | null {
  const limitMs = own === false || (typeof own === "number" && own > 0) ? own : tasks;
  return limitMs === false ? null : Math.min(limitMs, longestTimerMs);
}

/** Settles as `result` does, or when the attempt is over without it. */
function untilStopped(
  attempt: RunningAttempt,
  result: unknown,
  timer: Timer | null,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let graceTimer: Timer | null = null;
    let abandoned = false;
    const abandon = () => {
      abandoned = true;
      attempt.abandonHandler();
      finish();
      resolve(undefined);
    };
    const finish = () => {
      release(attempt, timer);
      if (graceTimer !== null) clearTimeout(graceTimer);
    };
    const hearStop = () => {
      if (attempt.decided !== null) {
        abandon();
      } else if (graceTimer === null && endsWithoutHandler(attempt)) {
        graceTimer = setTimeout(() => {
          attempt.left = true;
          abandon();
        }, attempt.settings.timeoutGraceMs);
      }
    };
    attempt.onStop = hearStop;
    if (attempt.stopReason !== null || attempt.decided !== null) hearStop();
    Promise.resolve(result).then(
      (value) => {
        if (abandoned) attempt.handlerEnded();
        finish();
        resolve(value);
      },
      (thrown) => {
        if (abandoned) attempt.handlerEnded();
        finish();
        reject(thrown);
      },
    );
  });
}

function release(attempt: RunningAttempt, timer: Timer | null): void {
  if (timer !== null) clearTimeout(timer);
  attempt.detach();
}

/** A shutdown has a deadline of its own, kept by whoever asked for it. */
function endsWithoutHandler(attempt: RunningAttempt): boolean {
  if (attempt.stopReason === null) return false;
  const intent = intentOf(attempt.stopReason);
  return intent === "timeout" || intent === "cancelled" || intent === "stray";
}
