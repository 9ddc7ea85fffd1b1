/** Rules of `explain` for jobs that have ended, that run, or that will only be ended. */

import { roughDuration } from "../../core/rough-duration.ts";
import type { QueuedFacts, Situation } from "../queue/read-situation.ts";
import { waitingState } from "./gate-rules.ts";
import {
  coming,
  type Explained,
  isAfter,
  isLive,
  past,
  plural,
  quoted,
  type Rule,
} from "./rule.ts";

export const endRules: readonly Rule[] = [hasLeft, isRunning, hasFailed, isCompensating];

function hasLeft(situation: Situation): Explained | null {
  const { queued, ended } = situation;
  if (queued !== null || ended === null) return null;
  const { state, error, attempts, started_at, finished_at, process } = ended;
  const when = past(finished_at, situation);
  const facts = { finished_at, started_at, attempts, error, process };
  if (state === "completed") {
    const tookMs = Date.parse(finished_at) - Date.parse(started_at ?? finished_at);
    const took = `after ${roughDuration(tookMs)} in attempt ${attempts}`;
    return { state, reason: state, sentence: `It completed at ${when}, ${took}.`, facts };
  }
  if (state === "cancelled") {
    const why = error === null ? "" : `: ${quoted(error)}`;
    return { state, reason: state, sentence: `It was cancelled at ${when}${why}.`, facts };
  }
  const sentence = `It failed for good at ${when} with ${quoted(error)}, and has left the queue.`;
  return { state, reason: "failed", sentence, facts };
}

function isRunning(situation: Situation): Explained | null {
  const { queued, details, cancellation, processes } = situation;
  if (queued === null || queued.locked_at === null) return null;
  const { locked_at, locked_by, attempts } = queued;
  const process = processes.find((each) => each.id === locked_by);
  const facts = {
    started_at: locked_at,
    process: locked_by,
    host: process?.host ?? null,
    pid: process?.pid ?? null,
    attempt: attempts,
    progress: details?.progress ?? null,
  };
  const since = past(locked_at, situation);
  if (process !== undefined && !isLive(process)) {
    const silent = `fell silent ${roughDuration(process.silent_ms)} ago`;
    const sentence = `It is held by the process ${locked_by}, which ${silent}; another running process gives it away.`;
    return { state: "running", reason: "held-by-silent-process", sentence, facts };
  }
  const where = process === undefined ? "" : ` on ${process.host}, pid ${process.pid}`;
  const at = `in the process ${locked_by}${where}, since ${since}`;
  if (cancellation !== null)
    return { ...cancelling(situation, at), facts: { ...facts, cancellation } };
  const ending = details?.ending ?? null;
  if (ending !== null) {
    const sentence = `It compensates its steps before it ends as ${ending.state}, ${at}.`;
    return { state: "running", reason: "compensating", sentence, facts: { ...facts, ending } };
  }
  const sentence = `It is running, attempt ${attempts} of ${queued.max_attempts}, ${at}${progressOf(situation)}.`;
  return { state: "running", reason: "running", sentence, facts };
}

function cancelling(situation: Situation, at: string): Omit<Explained, "facts"> {
  const { requested_by = null, reason = null } = situation.cancellation ?? {};
  const by = requested_by === null ? "" : ` by ${requested_by}`;
  const why = reason === null ? "" : ` (${quoted(reason)})`;
  const sentence = `It is being cancelled, as asked for${by}${why}: it still runs ${at}.`;
  return { state: "running", reason: "cancelling", sentence };
}

function progressOf({ details }: Situation): string {
  const progress = details?.progress ?? null;
  if (progress === null) return "";
  const { done, total, message } = progress;
  const amount = total === null ? `${done}` : `${done} of ${total}`;
  return `; it has reported ${amount}${message === null ? "" : `, ${quoted(message)}`}`;
}

function hasFailed(situation: Situation, id: string): Explained | null {
  const { queued, ended, failed_attempt } = situation;
  if (queued === null || queued.attempts < queued.max_attempts) return null;
  const spent = ended?.state === "failed" ? ended.attempts : queued.attempts;
  const error = ended?.error ?? queued.last_error;
  const when = ended === null ? "" : ` at ${past(ended.finished_at, situation)}`;
  const sentence = `${howItFailed(queued, spent, failed_attempt?.rule ?? null)}${when}, with ${quoted(error)}; \`taskrun retry ${id}\` makes it due again.`;
  const facts = {
    attempts: spent,
    max_attempts: queued.max_attempts,
    error,
    finished_at: ended?.finished_at ?? null,
    rule: failed_attempt?.rule ?? null,
  };
  return { state: "failed", reason: "attempts-exhausted", sentence, facts };
}

function howItFailed({ max_attempts }: QueuedFacts, spent: number, rule: string | null): string {
  if (spent >= max_attempts) {
    return `It has failed for good: ${spent === 1 ? "its one attempt is" : `all ${spent} attempts are`} used up, the last one ended`;
  }
  const why = rule === null ? "" : ` (by the rule ${rule})`;
  return `It has failed for good in attempt ${spent} of ${max_attempts}, since its error was permanent${why}: it ended`;
}

/** Due, or not yet: the next attempt will not run the handler. */
function isCompensating(situation: Situation): Explained | null {
  const ending = situation.details?.ending ?? null;
  if (situation.queued === null || ending === null) return null;
  const { run_at, attempts, last_error } = situation.queued;
  const why = ending.error?.message ?? ending.reason;
  const when = isAfter(run_at, situation) ? `at ${coming(run_at, situation)}` : "now";
  const sentence = `It ends as ${ending.state}${why === null ? "" : ` (${quoted(why)})`} once its steps are compensated; that goes on ${when}, after ${plural(attempts, "attempt")}.`;
  const facts = { ending, run_at, attempts, last_error };
  const state = waitingState(situation.queued, situation);
  return { state, reason: "compensating", sentence, facts };
}
