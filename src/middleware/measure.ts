/** Tells how long what is within took, for metrics of one's own. */

import type { TaskContext } from "../core/context.ts";
import type { Middleware } from "../core/middleware.ts";

export interface Measurement {
  readonly task: string;
  readonly durationMs: number;
  /** Whether it threw; a snooze, a cancel and what is returned otherwise are none. */
  readonly threw: boolean;
}

/**
 * Calls `report` after each attempt; what that throws is logged and changes no outcome. Time in
 * the queue and for writing the outcome is not in it.
 */
export function measure(
  report: (measurement: Measurement, ctx: TaskContext) => unknown,
): Middleware {
  return async function measuring(ctx, next) {
    const startedMs = performance.now();
    let threw = true;
    try {
      const result = await next();
      threw = false;
      return result;
    } finally {
      const durationMs = performance.now() - startedMs;
      await tell(ctx, () => report({ task: ctx.task, durationMs, threw }, ctx));
    }
  };
}

async function tell(ctx: TaskContext, report: () => unknown): Promise<void> {
  try {
    await report();
  } catch (err) {
    ctx.log.error({ err }, "the report of a measurement failed");
  }
}
