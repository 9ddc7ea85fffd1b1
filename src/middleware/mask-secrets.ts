/**
 * Takes the job's secrets out of an attempt's outcome. Where the stack has it twice, the inner one
 * masks what the handler made, before anybody keeps or logs it, and the outer one what was added.
 */

import type { Layer } from "../core/compose.ts";
import { liveSecrets } from "../core/live-secrets.ts";
import type { Outcome } from "../core/outcome.ts";
import { isPromiseLike } from "../core/promise-like.ts";

/** Only for a task that has secrets; around a layer that gives an Outcome. */
export function maskSecrets(): Layer {
  return function mask(attempt, next) {
    const outcome = next(attempt);
    const { secrets } = attempt;
    if (secrets === null) return outcome;
    if (!isPromiseLike(outcome)) return secrets.maskOutcome(asOutcome(outcome));
    return outcome.then((settled) => secrets.maskOutcome(asOutcome(settled)));
  };
}

/** Keeps the job's secrets out of every log line as long as it runs, whoever writes them. */
export function holdSecrets(): Layer {
  return function hold(attempt, next) {
    const { secrets } = attempt;
    if (secrets === null) return next(attempt);
    liveSecrets().hold(secrets.texts);
    const release = () => liveSecrets().release(secrets.texts);
    const outcome = next(attempt);
    if (!isPromiseLike(outcome)) {
      release();
      return outcome;
    }
    return outcome.then((settled) => {
      release();
      return settled;
    });
  };
}

function asOutcome(value: unknown): Outcome {
  return value as Outcome; // why: it stands around classify-errors, which gives nothing else
}
