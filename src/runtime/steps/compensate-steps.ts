/**
 * Undoes a job's steps, the last one first. Each is written down as undone before the next; one
 * that fails is tried again later, with the task's waits and up to its number of attempts, and
 * only then given up, so that the others can be undone.
 */

import { backoffMs, defaultRetry } from "../../core/backoff.ts";
import { classify } from "../../core/classify.ts";
import { storable, toFailure } from "../../core/failure.ts";
import { jobBackoffMs, jobRetryProblem } from "../../core/job-retry.ts";
import type { KeptStep } from "../../core/journal.ts";
import { fromKeptJson } from "../../core/kept-json.ts";
import type { Outcome } from "../../core/outcome.ts";
import { intentOf } from "../../core/task-errors.ts";
import type { Attempt } from "../attempt/attempt.ts";
import { runLimited } from "../attempt/run-limited.ts";

const longestError = 10_000;

/**
 * Null when nothing is left to undo; else how this attempt ends without having come so far.
 *
 * @param unreached why the handler didn't say how to undo a step, if it didn't
 */
export async function compensateSteps(
  attempt: Attempt,
  unreached: string,
): Promise<Outcome | null> {
  for (;;) {
    // A step that outlasted its handler may still be kept: then it is to be undone as well.
    await attempt.steps.written();
    if (attempt.decided !== null) return attempt.decided;
    const stopped = outcomeOfShutdown(attempt);
    if (stopped !== null) return stopped;
    const [step] = attempt.steps.due();
    if (step === undefined) return null;
    const ended = await compensate(attempt, step, unreached);
    if (ended !== null) return ended;
  }
}

async function compensate(
  attempt: Attempt,
  step: KeptStep,
  unreached: string,
): Promise<Outcome | null> {
  try {
    const undo = attempt.steps.compensationOf(step.name);
    if (undo === undefined) throw new Error(unreached);
    await runLimited(attempt, () => undo(fromKeptJson(step.resultJson)));
  } catch (thrown) {
    return failedTry(attempt, step, thrown);
  }
  if (!(await attempt.journal.markCompensated(step.name))) return lost(attempt);
  attempt.steps.note({ ...step, state: "compensated" });
  attempt.logger.info({ ...attempt.logFields(), step: step.name }, "step undone");
  return null;
}

async function failedTry(
  attempt: Attempt,
  step: KeptStep,
  thrown: unknown,
): Promise<Outcome | null> {
  const stopped = outcomeOfShutdown(attempt);
  if (stopped !== null) return stopped;
  const { job, settings, task } = attempt;
  const verdict = classify(thrown, { task: task.policies.classify, config: settings.classify });
  const failure = toFailure(thrown, verdict.rule);
  const tries = step.tries + (verdict.kind === "snooze" ? 0 : 1);
  if (verdict.kind === "permanent" || tries >= job.maxAttempts) {
    return giveUp(attempt, step, tries, failure.message);
  }
  const error = failure.message;
  if (!(await attempt.journal.markFailedTry({ name: step.name, tries, error, final: false }))) {
    return lost(attempt);
  }
  const message = storable(`undoing step "${step.name}" failed: ${error}`, longestError);
  const delayMs = verdict.afterMs ?? delayAfter(attempt, tries, thrown);
  return { state: "retrying", error: { ...failure, message }, delayMs };
}

async function giveUp(
  attempt: Attempt,
  step: KeptStep,
  tries: number,
  error: string,
): Promise<Outcome | null> {
  const { name } = step;
  if (!(await attempt.journal.markFailedTry({ name, tries, error, final: true }))) {
    return lost(attempt);
  }
  attempt.steps.note({ ...step, state: "uncompensated", tries, error });
  attempt.logger.error({ ...attempt.logFields(), step: name, error }, "step could not be undone");
  return null;
}

function lost(attempt: Attempt): Outcome {
  return { state: "returned", reason: attempt.steps.lost().message };
}

function outcomeOfShutdown({ stopReason }: Attempt): Outcome | null {
  if (stopReason === null || intentOf(stopReason) !== "shutdown") return null;
  return { state: "returned", reason: stopReason.message };
}

function delayAfter(attempt: Attempt, tries: number, thrown: unknown): number {
  const { retry } = attempt.task.policies;
  const own = attempt.job.retry;
  const random = attempt.random();
  if (own !== null && jobRetryProblem(own) === null) return jobBackoffMs(own, retry, tries, random);
  try {
    const delayMs = backoffMs(retry, tries, thrown, random);
    // To give up is not the retry function's to say here: what is done is to be undone.
    if (delayMs !== "give_up") return delayMs;
  } catch {
    // A function that fails has said nothing.
  }
  return Number(backoffMs(defaultRetry, tries, thrown, random));
}
