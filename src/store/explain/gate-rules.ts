/** Rules of `explain` for jobs that somebody or something holds back, or that are not due yet. */

import type { JobState } from "../../core/job.ts";
import type { PauseFacts, QueuedFacts, Situation } from "../queue/read-situation.ts";
import {
  coming,
  type Explained,
  isAfter,
  past,
  plural,
  quoted,
  type Rule,
  unlessNobody,
} from "./rule.ts";

export const gateRules: readonly Rule[] = [isBlocked, isPaused, isBehindBreaker, isNotDue];

/** What the view says of a job that is not held, hasn't failed and isn't blocked. */
export function waitingState(queued: QueuedFacts, situation: Situation): JobState {
  const isEnding = (situation.details?.ending ?? null) !== null;
  if ((queued.attempts > 0 && queued.last_error !== null) || isEnding) return "retrying";
  return isAfter(queued.run_at, situation) ? "scheduled" : "pending";
}

const shownParents = 5;

function isBlocked({ queued, details, parents }: Situation): Explained | null {
  if (queued === null || queued.run_at !== "infinity") return null;
  const blocked_run_at = details?.blocked_run_at ?? null;
  if (blocked_run_at === null) return null;
  const facts = { parents, blocked_run_at };
  if (parents.length === 0) {
    const sentence =
      "It is blocked, though it waits for no job any more; it will be freed shortly.";
    return { state: "blocked", reason: "blocked", sentence, facts };
  }
  const shown = parents
    .slice(0, shownParents)
    .map(({ id, task, state }) => `${id} (${task === null ? "" : `${task}, `}${state ?? "gone"})`);
  const rest = parents.length - shown.length;
  const all = rest > 0 ? `${shown.join(", ")} and ${rest} more` : shown.join(", ");
  const sentence = `It is blocked: it waits for ${plural(parents.length, "job")} to end: ${all}.`;
  return { state: "blocked", reason: "blocked", sentence, facts };
}

function isPaused(situation: Situation): Explained | null {
  const { queued, pause } = situation;
  if (queued === null || pause === null) return null;
  const by = pause.paused_by === null ? "" : ` by ${pause.paused_by}`;
  const why = pause.reason === null ? "" : ` (${quoted(pause.reason)})`;
  const due = isAfter(queued.run_at, situation)
    ? `; it would be due at ${coming(queued.run_at, situation)}`
    : "";
  const sentence = `It waits since ${whatIsPaused(pause)} was paused${by} at ${past(pause.paused_at, situation)}${why}${due}.`;
  const state = waitingState(queued, situation);
  return { state, reason: "paused", sentence, facts: { ...pause } };
}

function whatIsPaused({ kind, name }: PauseFacts): string {
  if (kind === "all") return "everything";
  return kind === "task" ? `the task ${name}` : `the queue ${name}`;
}

function isBehindBreaker(situation: Situation): Explained | null {
  const { queued, breaker } = situation;
  if (queued === null || breaker === null) return null;
  const { task, failures, open_until, last_error, canary_process } = breaker;
  const state = waitingState(queued, situation);
  const facts = { task, state: breaker.state, failures, open_until, last_error, canary_process };
  if (breaker.state === "open" && open_until !== null && isAfter(open_until, situation)) {
    const sentence = `It waits since the breaker of ${task} is open until ${coming(open_until, situation)}, after ${plural(failures, "failure")} in a row, the last one ${quoted(last_error)}.`;
    return { state, reason: "breaker-open", sentence, facts };
  }
  const canary = canary_process === null ? "" : `; that one runs in the process ${canary_process}`;
  const sentence = `It waits since the breaker of ${task} is half open: one job at a time is let through${canary}.`;
  return { state, reason: "breaker-half-open", sentence, facts };
}

function isNotDue(situation: Situation): Explained | null {
  const { queued, failed_attempt } = situation;
  if (queued === null || !isAfter(queued.run_at, situation)) return null;
  const { run_at, attempts, max_attempts, last_error } = queued;
  const state = waitingState(queued, situation);
  if (run_at === "infinity") {
    const sentence = "It is never due: its run_at is infinity.";
    return { state, reason: "scheduled", sentence, facts: { run_at } };
  }
  const due = `${coming(run_at, situation)}${unlessNobody(situation)}`;
  if (state !== "retrying") {
    const sentence = `It is scheduled: due at ${due}.`;
    return { state, reason: "scheduled", sentence, facts: { run_at } };
  }
  const facts = { run_at, attempts, max_attempts, last_error, rule: failed_attempt?.rule ?? null };
  const sentence = `It is retrying: attempt ${attempts} of ${max_attempts} failed with ${quoted(last_error)}, and the next one is due at ${due}.`;
  return { state, reason: "retrying", sentence, facts };
}
