/**
 * What happens once it is decided that a job ends, and before that is written: its steps are
 * undone, then the task's `onFailed` is called. Also the way of a job whose end was decided in an
 * attempt before: the handler only leads through the steps that are to be undone.
 *
 * For an attempt that used no steps and neither failed for good nor was cancelled, nothing.
 */

import type { Layer, Run } from "../../core/compose.ts";
import { loggable, storable, toFailure } from "../../core/failure.ts";
import type { JobEnding } from "../../core/job.ts";
import type { KeptStep } from "../../core/journal.ts";
import type { ClassificationRule, Failure, Outcome } from "../../core/outcome.ts";
import { isPromiseLike } from "../../core/promise-like.ts";
import type { Attempt } from "../attempt/attempt.ts";
import { runLimited } from "../attempt/run-limited.ts";
import { compensateSteps } from "./compensate-steps.ts";

const longestMessage = 10_000;
// The journal can't be read or written: not for want of a connection, that is waited for.
const troubleDelayMs = 30_000;

/** Belongs right around classify-errors: gets an Outcome, gives one. */
export function endJob(): Layer {
  return function end(running, next) {
    const attempt = running as Attempt; // why: execute-attempt is given nothing else
    if (attempt.job.ending !== null) return undoThenEnd(attempt, attempt.job.ending, next);
    const outcome = next(attempt);
    if (!isPromiseLike(outcome)) return finish(attempt, asOutcome(outcome));
    return outcome.then((settled) => finish(attempt, asOutcome(settled)));
  };
}

function asOutcome(value: unknown): Outcome {
  return value as Outcome; // why: classify-errors, the next layer, gives nothing else
}

function finish(attempt: Attempt, outcome: Outcome): Outcome | Promise<Outcome> {
  const ends = endingOf(outcome);
  if (ends === null && !attempt.usesSteps) return outcome;
  if (outcome.state === "returned") return closed(attempt, outcome);
  return untilTaken(attempt, async () => {
    if (attempt.usesSteps) await attempt.steps.end(attempt.limitMs);
    return ends === null ? outcome : endWith(attempt, outcome, ends);
  });
}

/** The attempt has come to an end for the job, and nothing of that is written yet. */
async function endWith(attempt: Attempt, outcome: Outcome, ending: JobEnding): Promise<Outcome> {
  const { journal, steps } = attempt;
  attempt.undoing = true;
  await steps.load();
  steps.beginRound();
  const due = steps.due();
  if (due.length > 0) {
    if (!(await journal.beginEnding(ending))) {
      return { state: "returned", reason: steps.lost().message };
    }
    // A handler that still runs must not find its signal anew.
    if (attempt.left || due.some(({ name }) => steps.compensationOf(name) === undefined)) {
      return { state: "returned", reason: "its steps are undone first" };
    }
    const ended = await compensateSteps(attempt, "");
    if (ended !== null) return ended;
  }
  return tellFailed(attempt, withFaults(outcome, steps.uncompensated()));
}

/** An attempt of a job whose end was decided before. */
async function undoThenEnd(attempt: Attempt, ending: JobEnding, next: Run): Promise<Outcome> {
  const { steps } = attempt;
  const end = () => tellFailed(attempt, withFaults(outcomeOf(ending), steps.uncompensated()));
  const taken = await untilTaken(attempt, async () => {
    await steps.load();
    return steps.due().length === 0 ? end() : null;
  });
  if (taken !== null) return taken;
  const outcome = asOutcome(await next(attempt));
  if (outcome.state === "returned") return closed(attempt, outcome);
  return untilTaken(attempt, async () => {
    await steps.end(attempt.limitMs);
    const why = "error" in outcome && outcome.error.name !== "UndoingError";
    const unreached = why ? `: ${outcome.error.message}` : "";
    const ended = await compensateSteps(
      attempt,
      `the handler ended before it came to this step${unreached}`,
    );
    return ended ?? end();
  });
}

/** Null when the outcome doesn't end the job. */
function endingOf(outcome: Outcome): JobEnding | null {
  if (outcome.state === "cancelled") {
    return { state: "cancelled", error: null, reason: outcome.reason };
  }
  if (outcome.state !== "failed") return null;
  const { name, message, stack, rule } = outcome.error;
  return { state: "failed", error: { name, message, stack, rule }, reason: null };
}

function outcomeOf({ state, error, reason }: JobEnding): Outcome {
  if (state === "cancelled") return { state, reason };
  const { name, message, stack, rule } = error ?? {
    name: "Error",
    message: reason ?? "the job failed",
    stack: null,
    rule: "default",
  };
  const thrown = Object.assign(new Error(message), { name, stack: stack ?? undefined });
  // why: the rescue of a dead process writes a rule of its own
  return { state, error: { name, message, stack, rule: rule as ClassificationRule, thrown } };
}

/** The outcome, saying what could not be undone. */
function withFaults(outcome: Outcome, left: readonly KeptStep[]): Outcome {
  if (left.length === 0) return outcome;
  const faults = left.map(({ name, error }) => `step "${name}" could not be undone: ${error}`);
  if (outcome.state === "cancelled") {
    const said = outcome.reason === null ? [] : [outcome.reason];
    return { ...outcome, reason: storable([...said, ...faults].join("; "), longestMessage) };
  }
  if (outcome.state !== "failed") return outcome;
  const message = storable([outcome.error.message, ...faults].join("; "), longestMessage);
  const error: Failure = { ...outcome.error, message };
  return { ...outcome, error };
}

async function tellFailed(attempt: Attempt, outcome: Outcome): Promise<Outcome> {
  const { onFailed } = attempt.task;
  if (outcome.state !== "failed" || onFailed === null) return outcome;
  const told = attempt.left ? attempt.besideHandler() : attempt;
  told.undoing = true;
  told.steps.close();
  const { thrown } = outcome.error;
  try {
    await runLimited(told, () => onFailed(told.payload, told.ctx, thrown));
  } catch (error) {
    const err = loggable(toFailure(error, "default"));
    attempt.logger.error({ ...attempt.logFields(), err }, "onFailed failed");
  }
  return outcome;
}

/** Never rejects; ends at once when the attempt is given back without waiting for it. */
async function untilTaken<T extends Outcome | null>(
  attempt: Attempt,
  work: () => Promise<T>,
): Promise<T | Outcome> {
  if (attempt.decided !== null) return closed(attempt, attempt.decided);
  const taken = Promise.withResolvers<Outcome>();
  attempt.onStop = () => {
    if (attempt.decided !== null) taken.resolve(attempt.decided);
  };
  try {
    const outcome = await Promise.race([work(), taken.promise]);
    return outcome === null ? outcome : closed(attempt, outcome);
  } catch (thrown) {
    return closed(attempt, trouble(attempt, thrown));
  } finally {
    attempt.onStop = null;
  }
}

/** What steps do from now on has no say: the outcome is on its way. */
function closed<T extends Outcome>(attempt: Attempt, outcome: T): T {
  if (attempt.usesSteps) attempt.steps.close();
  return outcome;
}

function trouble(attempt: Attempt, thrown: unknown): Outcome {
  const failure = toFailure(thrown, "default");
  const err = loggable(failure);
  attempt.logger.error(
    { ...attempt.logFields(), err },
    "the job's steps can't be looked after now",
  );
  const reason = storable(`its steps can't be looked after now: ${failure.message}`, 1000);
  return { state: "snoozed", delayMs: troubleDelayMs, reason };
}
