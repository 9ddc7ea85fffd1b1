/** Writes the lines of an attempt's start and end. Decides nothing; an ending stays what it is. */

import type { Layer } from "../core/compose.ts";
import { loggable } from "../core/failure.ts";
import type { Failure, Outcome, OutcomeState } from "../core/outcome.ts";
import { isPromiseLike } from "../core/promise-like.ts";
import type { RunningAttempt } from "../core/running-attempt.ts";

const mostShown = 20;

/** Start at debug, failed at error, every other ending at info; payloads only if asked for. */
export function logAttempt(): Layer {
  return function log(attempt, next) {
    logStart(attempt);
    const ended = next(attempt);
    if (!isPromiseLike(ended)) return logEnd(attempt, asOutcome(ended));
    return ended.then((outcome) => logEnd(attempt, asOutcome(outcome)));
  };
}

function asOutcome(value: unknown): Outcome {
  return value as Outcome; // why: classify-errors, the next layer, gives nothing else
}

function logStart(attempt: RunningAttempt): void {
  try {
    if (!attempt.logger.isLevelEnabled("debug")) return;
    const payload = attempt.settings.logPayloads ? { payload: attempt.job.payload } : {};
    attempt.logger.debug({ ...attempt.logFields(), ...payload }, "attempt started");
  } catch {
    // A log line that can't be written must not cost the job its attempt.
  }
}

function logEnd(attempt: RunningAttempt, outcome: Outcome): Outcome {
  try {
    const level = outcome.state === "failed" ? "error" : "info";
    if (attempt.logger.isLevelEnabled(level)) {
      const durationMs = Date.now() - attempt.startedAtMs;
      const line = { ...attempt.logFields(), durationMs, ...fieldsOf(attempt, outcome) };
      attempt.logger[level](line, sentences[outcome.state]);
    }
  } catch {
    // As above: the outcome counts, its line doesn't.
  }
  return outcome;
}

const sentences: Readonly<Record<OutcomeState, string>> = {
  completed: "attempt completed",
  retrying: "attempt failed, will be retried",
  snoozed: "attempt snoozed",
  cancelled: "job cancelled",
  failed: "job failed for good",
  returned: "attempt given back",
  waiting: "attempt waits for other jobs",
};

function fieldsOf({ job, settings }: RunningAttempt, outcome: Outcome): object {
  const { maxAttempts } = job;
  switch (outcome.state) {
    case "completed":
      return {};
    case "retrying":
      return { maxAttempts, delayMs: outcome.delayMs, ...errorFields(outcome.error) };
    case "failed": {
      const payload = settings.logPayloads ? { payload: job.payload } : {};
      return { maxAttempts, ...errorFields(outcome.error), ...payload };
    }
    case "waiting":
      return { waitsFor: outcome.jobs.slice(0, mostShown) };
    case "snoozed":
      return { delayMs: outcome.delayMs, reason: outcome.reason };
    default:
      return { reason: outcome.reason };
  }
}

function errorFields(failure: Failure): object {
  return { rule: failure.rule, err: loggable(failure) };
}
