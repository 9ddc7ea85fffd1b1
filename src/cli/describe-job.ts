/** One job's story as lines for people: what it is, what happened to it, what it left. */

import { roughDuration } from "../core/rough-duration.ts";
import type { JobStory, RelatedJob } from "../store/job-story.ts";
import type { AttemptRow, JobRow } from "../store/jobs.ts";
import type { LogRow } from "../store/logs.ts";

/** A title of its own line, or a line under it. */
export interface StoryLine {
  readonly title?: string;
  readonly text: string;
}

export function describeJob(story: JobStory): StoryLine[] {
  return [
    ...headOf(story),
    ...section("timeline", timelineOf(story)),
    ...section("steps", stepsOf(story)),
    ...section("jobs", relativesOf(story)),
    ...section("log", story.logs.map(logLine)),
  ];
}

function section(title: string, lines: readonly string[]): StoryLine[] {
  if (lines.length === 0) return [];
  return [{ text: "" }, { title, text: "" }, ...lines.map((text) => ({ text: `  ${text}` }))];
}

function headOf({ job, explanation }: JobStory): StoryLine[] {
  const fields: [title: string, value: unknown][] = [
    ["task", job.task],
    ["state", job.state],
    ["why", explanation?.sentence],
    ["attempts", `${job.attempts} of ${job.max_attempts}`],
    ["priority", job.priority === 0 ? null : job.priority],
    ["queue", job.queue],
    ["key", job.key],
    ["correlation id", job.correlation_id],
    ["created by", job.created_by],
    ["process", job.process],
    ["payload", json(job.payload)],
    ["output", job.output === null ? null : json(job.output)],
    ["progress", progressOf(job)],
    ["metadata", job.metadata === null ? null : json(job.metadata)],
    ["error", job.error],
  ];
  return [
    { title: "id", text: job.id },
    ...fields
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([title, value]) => ({ title, text: String(value) })),
  ];
}

function progressOf({ progress }: JobRow): string | null {
  if (typeof progress !== "object" || progress === null) return null;
  const { done, total, message } = progress as Record<string, unknown>; // why: read as unknown
  const share =
    typeof done === "number" && typeof total === "number" && total > 0
      ? `${done} of ${total} (${Math.floor((100 * done) / total)} %)`
      : String(done);
  return typeof message === "string" ? `${share}, ${message}` : share;
}

interface Happening {
  readonly at: Date;
  readonly text: string;
}

/** In the order of time. Snoozes leave no trace, so that they are not in it. */
function timelineOf({ job, failed_attempts, steps }: JobStory): string[] {
  const happenings: Happening[] = [{ at: job.created_at, text: "queued" }];
  // A job may end before that: it is cancelled, or fails with a job that it waits for.
  const wasEver = job.finished_at === null || job.run_at <= job.finished_at;
  if (Number.isFinite(job.run_at.getTime()) && job.run_at > job.created_at && wasEver) {
    happenings.push({ at: job.run_at, text: "due" });
  }
  for (const attempt of failed_attempts) happenings.push(...failedAttempt(attempt));
  const isKnown = failed_attempts.some((one) => sameTime(one.started_at, job.started_at));
  if (job.started_at !== null && !isKnown) {
    happenings.push({ at: job.started_at, text: `attempt ${job.attempts} started` });
  }
  for (const step of steps) {
    happenings.push({ at: step.finished_at, text: `step ${step.name} done` });
    if (step.compensated_at !== null) {
      happenings.push({ at: step.compensated_at, text: `step ${step.name} ${step.state}` });
    }
  }
  if (job.finished_at !== null) happenings.push({ at: job.finished_at, text: endOf(job) });
  const inOrder = happenings.sort((a, b) => a.at.getTime() - b.at.getTime());
  return inOrder.flatMap(({ at, text }) => indented(`${at.toISOString()}  `, text));
}

function sameTime(a: Date | null, b: Date | null): boolean {
  return a !== null && b !== null && a.getTime() === b.getTime();
}

function failedAttempt(attempt: AttemptRow): Happening[] {
  const { started_at, finished_at, next_run_at, rule } = attempt;
  const name = `attempt ${attempt.attempt}`;
  const took = started_at === null ? "" : ` after ${span(started_at, finished_at)}`;
  const next = next_run_at === null ? "" : `\nnext run ${next_run_at.toISOString()}`;
  const error = attempt.error_stack ?? `${attempt.error_name}: ${attempt.error_message}`;
  const failed = `${name} failed${took} (${attempt.state}, by the rule ${rule})\n${error}${next}`;
  const started = started_at === null ? [] : [{ at: started_at, text: `${name} started` }];
  return [...started, { at: finished_at, text: failed }];
}

function endOf({ state, started_at, finished_at }: JobRow): string {
  if (started_at === null || finished_at === null) return state;
  return `${state}, ${span(started_at, finished_at)} after its last start`;
}

function span(from: Date, to: Date): string {
  return roughDuration(to.getTime() - from.getTime());
}

function stepsOf({ steps }: JobStory): string[] {
  return steps.flatMap((step) => {
    const { name, state, attempt, result, error, started_at, finished_at } = step;
    const what = state === "done" && step.compensable ? "done, can be compensated" : state;
    const took = `in attempt ${attempt}, ${span(started_at, finished_at)}`;
    const kept = result === null || result === undefined ? "" : `  ${json(result)}`;
    const line = `${name}: ${what}, ${took}${kept}`;
    return error === null ? [line] : [line, ...indented("    ", error)];
  });
}

function relativesOf({ parent, children, waits_for, waited_for_by }: JobStory): string[] {
  const named = ({ id, task, state }: RelatedJob): string =>
    `${id} (${task === null ? "no longer kept" : `${task}, ${state}`})`;
  const line = (what: string, jobs: readonly RelatedJob[]): string[] =>
    jobs.length === 0 ? [] : [`${what} ${jobs.map(named).join(", ")}`];
  return [
    ...line("enqueued by", parent === null ? [] : [parent]),
    ...line("enqueued", children),
    ...line("waits for", waits_for),
    ...line("is waited for by", waited_for_by),
  ];
}

function logLine({ attempt, logged_at, level, message, fields }: LogRow): string {
  const rest = fields === null ? "" : `  ${json(fields)}`;
  return `${logged_at.toISOString()}  ${level.padEnd(5)} [${attempt}] ${message}${rest}`;
}

/** Further lines under the first one's text. */
function indented(start: string, text: string): string[] {
  const [first = "", ...rest] = text.split("\n");
  return [`${start}${first}`, ...rest.map((line) => `${" ".repeat(start.length)}${line}`)];
}

const longestJson = 2_000;

function json(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.length > longestJson ? `${text.slice(0, longestJson)}… (--json shows all)` : text;
}
