/**
 * Makes one Outcome of whatever an attempt came to: an output, a directive, something thrown,
 * or a decision from outside. Owns the precedence among these; what an error means is
 * `core/classify`, how long to wait is `core/backoff`.
 */

import { backoffMs, defaultRetry } from "../core/backoff.ts";
import { type Classification, classify } from "../core/classify.ts";
import type { Layer } from "../core/compose.ts";
import { errorChain, readProperty } from "../core/error-chain.ts";
import { loggable, storable, toFailure } from "../core/failure.ts";
import { jobBackoffMs, jobRetryProblem } from "../core/job-retry.ts";
import { type Directive, directiveBrand, isDirective, type Outcome } from "../core/outcome.ts";
import { toOutputJson } from "../core/output-json.ts";
import { isPromiseLike } from "../core/promise-like.ts";
import { unwrapResult } from "../core/result.ts";
import type { OwnCompletion, RunningAttempt } from "../core/running-attempt.ts";
import { intentOf } from "../core/task-errors.ts";

const longestReason = 1_000;

/** Never throws and never rejects: what comes out is an Outcome. */
export function classifyErrors(): Layer {
  return function classifyResult(attempt, next) {
    try {
      const result = next(attempt);
      if (!isPromiseLike(result)) return outcomeOfResult(attempt, result);
      return result.then(
        (settled) => withOwnEnd(attempt, outcomeOfResult(attempt, settled)),
        (thrown) => withOwnEnd(attempt, outcomeOfThrown(attempt, thrown)),
      );
    } catch (thrown) {
      return outcomeOfThrown(attempt, thrown);
    }
  };
}

/** A handler that ended the job in its own transaction is asked whether that was committed. */
function withOwnEnd(attempt: RunningAttempt, outcome: Outcome): Outcome | Promise<Outcome> {
  const { completing } = attempt;
  if (completing === null || attempt.decided !== null) return withRemaining(attempt, outcome);
  return ownEnd(attempt, outcome, completing);
}

async function ownEnd(
  attempt: RunningAttempt,
  outcome: Outcome,
  { landed, outputJson }: OwnCompletion,
): Promise<Outcome> {
  if (await landed()) {
    if ("error" in outcome) {
      const message = "the handler failed after it had completed the job; the job has completed";
      warn(attempt, outcome.error.thrown, message);
    }
    return { state: "completed", outputJson };
  }
  if (outcome.state !== "completed") return withRemaining(attempt, outcome);
  const message = "the transaction in which ctx.complete ended the job was not committed";
  return outcomeOfError(attempt, new Error(message));
}

/** Of a batch only what isn't done is run again, whatever ended the attempt. */
function withRemaining(attempt: RunningAttempt, outcome: Outcome): Outcome {
  if (attempt.remaining === null) return outcome;
  const { state } = outcome;
  if (state === "completed" || state === "cancelled" || state === "waiting") return outcome;
  const remaining = attempt.remaining();
  const { payload } = attempt.job;
  const all = Array.isArray(payload) && remaining.length === payload.length;
  // All entries done and yet no end: it was what came after them that failed.
  return all || remaining.length === 0 ? outcome : { ...outcome, remaining };
}

function outcomeOfResult(attempt: RunningAttempt, result: unknown): Outcome {
  try {
    const stopped = outcomeOfStop(attempt);
    if (stopped !== null) return stopped;
    const output = unwrapResult(result);
    if (isDirective(output)) return outcomeOfDirective(output);
    return { state: "completed", outputJson: toOutputJson(output, tellOf(attempt)) };
  } catch (thrown) {
    return outcomeOfThrown(attempt, thrown);
  }
}

/** Kept with the job, so that whoever reads its output finds why it looks like that. */
function tellOf(attempt: RunningAttempt): (change: string) => void {
  return (change) => {
    attempt.ctx.log.warn({ change }, "the output is not kept as it was returned");
  };
}

function outcomeOfThrown(attempt: RunningAttempt, thrown: unknown): Outcome {
  const stopped = outcomeOfStop(attempt);
  if (stopped !== null) return stopped;
  const { stopReason } = attempt;
  if (stopReason !== null && intentOf(stopReason) === "shutdown") {
    return { state: "returned", reason: storable(stopReason.message, longestReason) };
  }
  return outcomeOfError(attempt, thrown);
}

/** The endings that hold whatever the handler made of being told to stop. */
function outcomeOfStop(attempt: RunningAttempt): Outcome | null {
  if (attempt.decided !== null) return attempt.decided;
  if (attempt.stopReason === null) return null;
  const intent = intentOf(attempt.stopReason);
  if (intent === "stray") return outcomeOfError(attempt, attempt.stopReason.cause);
  // A shutdown is missing here: it only asks, and work that got done nevertheless is done.
  return intent === "timeout" || intent === "cancelled"
    ? outcomeOfError(attempt, attempt.stopReason)
    : null;
}

function outcomeOfDirective(directive: Directive): Outcome {
  const reason = directive.reason === null ? null : storable(directive.reason, longestReason);
  if (directive[directiveBrand] === "cancel") return { state: "cancelled", reason };
  return { state: "snoozed", delayMs: directive.delayMs, reason };
}

function outcomeOfError(attempt: RunningAttempt, thrown: unknown): Outcome {
  const intent = intentOf(thrown);
  if (intent === "output") return { state: "failed", error: toFailure(thrown, "output") };
  if (intent === "cancelled") return { state: "cancelled", reason: cancelReason(thrown) };
  const jobs = jobsWaitedFor(thrown);
  if (jobs !== null) return { state: "waiting", jobs };
  const verdict = classify(thrown, {
    task: attempt.task.policies.classify,
    config: attempt.settings.classify,
    onClassifyThrew: (source, error) =>
      warn(attempt, error, `the ${source}'s classify function threw; its word is left out`),
  });
  const error = toFailure(thrown, verdict.rule);
  const counts = countsForBreaker(attempt, thrown, verdict);
  if (verdict.kind === "snooze") {
    const reason = storable(error.message, longestReason);
    return { state: "snoozed", delayMs: verdict.afterMs, reason, ...counts };
  }
  if (verdict.kind === "permanent" || attempt.job.attempt >= attempt.job.maxAttempts) {
    return { state: "failed", error, ...counts };
  }
  const delayMs = delayAfter(attempt, thrown, verdict);
  if (delayMs === "give_up") return { state: "failed", error, ...counts };
  return { state: "retrying", error, delayMs, ...counts };
}

/**
 * What is permanent lies in the payload or in the code, and what is put off says nothing, unless
 * it was put off because a circuit of the handler's own is open.
 */
function countsForBreaker(
  attempt: RunningAttempt,
  thrown: unknown,
  { kind }: Classification,
): { tripsBreaker?: true } {
  if (attempt.task.policies.breaker === null || kind === "permanent") return {};
  return kind === "snooze" && !isCircuitOpen(thrown) ? {} : { tripsBreaker: true };
}

function isCircuitOpen(thrown: unknown): boolean {
  return errorChain(thrown).some((error) => readProperty(error, "name") === "CircuitOpenError");
}

/** Also when somebody on the way wrapped it in an error of theirs. */
function jobsWaitedFor(thrown: unknown): readonly string[] | null {
  const onPurpose = errorChain(thrown).find((error) => intentOf(error) !== null);
  if (intentOf(onPurpose) !== "waiting") return null;
  const jobs = readProperty(onPurpose, "jobs");
  return Array.isArray(jobs) ? jobs.map(String) : [];
}

function cancelReason(cancelled: unknown): string | null {
  const reason = readProperty(cancelled, "reason");
  return typeof reason === "string" ? storable(reason, longestReason) : null;
}

function delayAfter(
  attempt: RunningAttempt,
  thrown: unknown,
  verdict: Classification & { kind: "retryable" },
): number | "give_up" {
  if (verdict.afterMs !== null) return verdict.afterMs;
  const random = attempt.random();
  const { retry } = attempt.task.policies;
  const own = attempt.job.retry;
  if (own !== null) {
    const problem = jobRetryProblem(own);
    if (problem === null) return jobBackoffMs(own, retry, attempt.job.attempt, random);
    const message = `the job's own retry policy is wrong, the task's is used: ${problem}`;
    attempt.logger.warn(attempt.logFields(), message);
  }
  try {
    return backoffMs(retry, attempt.job.attempt, thrown, random);
  } catch (error) {
    warn(attempt, error, "the task's retry function failed; the default policy is used");
    return backoffMs(defaultRetry, attempt.job.attempt, thrown, random);
  }
}

function warn(attempt: RunningAttempt, thrown: unknown, message: string): void {
  const err = loggable(toFailure(thrown, "default"));
  attempt.logger.warn({ ...attempt.logFields(), err }, message);
}
