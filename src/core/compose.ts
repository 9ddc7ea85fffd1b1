/**
 * The onion: puts layers around a run, once per task, so that an attempt costs no closures.
 * Owns how layers nest; which layers and in which order is `middleware/default-stack.ts`.
 */

import { TaskrunError } from "./errors.ts";
import type { Middleware } from "./middleware.ts";
import type { RunningAttempt } from "./running-attempt.ts";

/** Runs (the rest of) an attempt. Returns its result or a promise of it, or throws. */
export type Run = (attempt: RunningAttempt) => unknown;

/** A middleware of taskrun's own: sees the attempt, and is trusted to call `next` once. */
export type Layer = (attempt: RunningAttempt, next: Run) => unknown;

/** The first layer is the outermost. */
export function compose(layers: readonly Layer[], innermost: Run): Run {
  return layers.reduceRight<Run>(
    (next, layer) =>
      function run(attempt) {
        return layer(attempt, next);
      },
    innermost,
  );
}

/** Makes a layer of a user's middleware: guards `next`, which always gives it a promise. */
export function asLayer(middleware: Middleware): Layer {
  return function runMiddleware(attempt, next) {
    let called = false;
    return middleware(attempt.ctx, async () => {
      if (called) {
        const name = middleware.name === "" ? "A middleware" : `The middleware ${middleware.name}`;
        throw new TaskrunError(
          "next-called-twice",
          `${name} called next() twice in task ${attempt.task.name}`,
        );
      }
      called = true;
      return next(attempt);
    });
  };
}
