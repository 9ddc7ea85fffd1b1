/**
 * Takes what a handler reports of its progress: the newest stays on the attempt, where the
 * settle step finds it, and is written at most twice a second meanwhile.
 */

import type { Layer } from "../core/compose.ts";
import type { Progress } from "../core/context.ts";
import type { RunningAttempt } from "../core/running-attempt.ts";

const betweenWritesMs = 500;

interface Pace {
  lastWriteMs: number;
  timer: ReturnType<typeof setTimeout> | null;
}

export function trackProgress(): Layer {
  // Only attempts that report anything have an entry.
  const paces = new WeakMap<RunningAttempt, Pace>();

  function report(attempt: RunningAttempt, progress: Progress): void {
    attempt.progress = attempt.secrets?.maskProgress(progress) ?? progress;
    const pace = paces.get(attempt) ?? { lastWriteMs: Number.NEGATIVE_INFINITY, timer: null };
    paces.set(attempt, pace);
    if (pace.timer !== null) return;
    const waitMs = pace.lastWriteMs + betweenWritesMs - performance.now();
    if (waitMs <= 0) {
      write(attempt, pace);
      return;
    }
    pace.timer = setTimeout(() => {
      pace.timer = null;
      // An attempt that is over has its last progress settled with it.
      if (attempt.onProgress !== null) write(attempt, pace);
    }, waitMs);
    pace.timer.unref();
  }

  function write(attempt: RunningAttempt, pace: Pace): void {
    pace.lastWriteMs = performance.now();
    if (attempt.progress !== null) attempt.saveProgress(attempt.progress);
  }

  return function track(attempt, next) {
    attempt.onProgress = report;
    return next(attempt);
  };
}
