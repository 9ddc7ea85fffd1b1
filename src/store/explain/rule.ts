/** What the rules of `explain` are and share: their form, and how they word moments and errors. */

import type { JobState } from "../../core/job.ts";
import { roughDuration } from "../../core/rough-duration.ts";
import type { ProcessFacts, Situation } from "../queue/read-situation.ts";

/** Why a job is where it is; for programs. Reasons are only ever added. */
export type Reason =
  | "completed"
  | "cancelled"
  | "failed"
  | "running"
  | "cancelling"
  | "compensating"
  | "held-by-silent-process"
  | "attempts-exhausted"
  | "blocked"
  | "paused"
  | "breaker-open"
  | "breaker-half-open"
  | "scheduled"
  | "retrying"
  | "queue-busy"
  | "key-limit"
  | "no-process"
  | "no-task"
  | "waiting";

export interface Explained {
  readonly state: JobState;
  readonly reason: Reason;
  /** One sentence for people. */
  readonly sentence: string;
  /** What the sentence says, for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Null when it has nothing to say of the job. */
export type Rule = (situation: Situation, id: string) => Explained | null;

/** `2030-01-31T08:00:00Z (in 5m)` */
export function coming(iso: string, { now }: Pick<Situation, "now">): string {
  return `${seconds(iso)} (in ${roughDuration(Date.parse(iso) - now.getTime())})`;
}

/** `2030-01-31T08:00:00Z (5m ago)`; never in the future, however clocks differ. */
export function past(iso: string, { now }: Pick<Situation, "now">): string {
  const agoMs = Math.max(0, now.getTime() - Date.parse(iso));
  return `${seconds(iso)} (${agoMs < 1000 ? "just now" : `${roughDuration(agoMs)} ago`})`;
}

function seconds(iso: string): string {
  return new Date(iso).toISOString().replace(/\.\d+Z$/, "Z");
}

export function isAfter(iso: string, { now }: Pick<Situation, "now">): boolean {
  return iso === "infinity" || new Date(iso).getTime() > now.getTime();
}

const longestError = 200;

/** An error's first line, quoted. */
export function quoted(error: string | null): string {
  const [line = ""] = (error ?? "no error was kept").split("\n");
  return `"${line.length > longestError ? `${line.slice(0, longestError - 1)}…` : line}"`;
}

export function plural(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`;
}

// A process is dead after six looks of others at a beat that stands still; alone it has nobody
// to look. Beats are seconds apart unless the configuration says otherwise.
const silentBeats = 6;
const shortestSilenceMs = 30_000;

export function isLive(process: ProcessFacts): boolean {
  const limitMs = Math.max(shortestSilenceMs, silentBeats * (process.beat_ms ?? 0));
  return !process.dead && process.silent_ms < limitMs;
}

/** The live processes that can have the task; one that hasn't said which it has may. */
export function processesWith({ processes, queued }: Situation): ProcessFacts[] {
  const task = queued?.task ?? "";
  return processes.filter((each) => isLive(each) && (each.tasks?.includes(task) ?? true));
}

/** For sentences about the future: it won't come to pass while nobody has the task. */
export function unlessNobody(situation: Situation): string {
  if (processesWith(situation).length > 0) return "";
  return situation.processes.some(isLive)
    ? "; no running process has this task at present"
    : "; no process is running at present";
}
