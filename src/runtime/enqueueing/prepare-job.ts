/**
 * Makes a job ready for the database: its payload checked by the task's schema and written as
 * JSON, its options put together with what the task's file says. Touches no database.
 */

import type { GraphileAddJobOptions } from "../../core/context.ts";
import { TaskrunError } from "../../core/errors.ts";
import type { EnqueueOptions } from "../../core/job.ts";
import { oncePer } from "../../core/once-per.ts";
import { faultOfText, toPayloadJson } from "../../core/payload-json.ts";
import { formatIssues, withoutSecrets } from "../../core/schema-issues.ts";
import type { Task } from "../../core/task.ts";
import type { PlainJob } from "../../store/plain-jobs.ts";
import { columnsFor } from "./columns-for.ts";

/** Of graphile-worker's column. */
const longestName = 128;

export interface GivenJob {
  readonly name: string;
  /** Undefined = {}. */
  readonly payload: unknown;
  readonly options: EnqueueOptions & GraphileAddJobOptions;
}

export interface PreparedJob extends PlainJob {
  readonly name: string;
  readonly optionsJson: string;
  /** No key, no flags, nothing to wait for: it can be added together with others. */
  readonly isPlain: boolean;
}

type Wording = Pick<PreparedJob, "kind" | "optionsJson" | "isPlain">;

/** What a task's file says of jobs that say nothing for themselves is put into words once. */
const usualWordings = oncePer((_task: Task) => new Map<string, Wording>());

/**
 * Asynchronous only where a task's schema is.
 *
 * @throws TaskrunError `bad-payload`, `bad-enqueue-option`
 */
export function prepareJob(
  task: Task | undefined,
  job: GivenJob,
): PreparedJob | Promise<PreparedJob> {
  const payload = job.payload === undefined ? {} : job.payload;
  // First, so that a schema never sees a circle or ten thousand levels.
  const json = payloadJson(job.name, payload);
  const finish = (parsed: unknown): PreparedJob => {
    const { kind, optionsJson, isPlain } = wordingOf(task, job, parsed);
    return { name: job.name, payloadJson: json, kind, optionsJson, isPlain };
  };
  const result = task?.payloadSchema?.["~standard"].validate(payload);
  if (result === undefined) return finish(payload);
  const accepted = (checked: Awaited<typeof result>) =>
    finish(acceptedValue(task, job.name, payload, checked));
  // By what it has: a promise may come from another realm.
  return "then" in result ? result.then(accepted) : accepted(result);
}

/**
 * What the queue's column takes; a driver would say it in words of its own.
 *
 * @throws TaskrunError `bad-enqueue-option`
 */
export function checkName(name: unknown): void {
  const fault =
    typeof name !== "string"
      ? `got ${name === null ? "null" : typeof name}`
      : name === ""
        ? "it is empty"
        : name.length > longestName
          ? `it has ${name.length} characters`
          : faultOfText(name) && `it has ${faultOfText(name)}`;
  if (fault === null) return;
  throw new TaskrunError("bad-enqueue-option", `The task's name can't be queued: ${fault}`, {
    nextStep: `Give a name of 1 to ${longestName} characters.`,
  });
}

function wordingOf(task: Task | undefined, job: GivenJob, parsed: unknown): Wording {
  const { name, options } = job;
  const isUsual =
    task !== undefined && typeof task.policies.queue !== "function" && hasNothing(options);
  if (!isUsual) return wordingFor(task, name, parsed, options);
  const byName = usualWordings(task);
  const known = byName.get(name) ?? wordingFor(task, name, parsed, options);
  byName.set(name, known);
  return known;
}

function wordingFor(
  task: Task | undefined,
  name: string,
  parsed: unknown,
  options: GivenJob["options"],
): Wording {
  const columns = columnsFor(task, parsed, options);
  const { key, key_mode, flags, after, run_at } = columns;
  // Only the database can read a moment that was given as text, and say where it is wrong.
  const unread = options.runAt instanceof Date ? undefined : run_at;
  return {
    kind: { json: JSON.stringify({ task: name, ...columns }) },
    optionsJson: JSON.stringify(columns),
    isPlain: [key, key_mode, flags, after, unread].every((given) => given === undefined),
  };
}

function hasNothing(options: object): boolean {
  for (const _ in options) return false;
  return true;
}

type Checked = Awaited<ReturnType<NonNullable<Task["payloadSchema"]>["~standard"]["validate"]>>;

/** As the task's handler will see it; what is queued is what was given. */
function acceptedValue(task: Task | undefined, name: string, payload: unknown, result: Checked) {
  if (result.issues === undefined) return result.value;
  const where = formatIssues(withoutSecrets(result.issues, payload, task?.secrets ?? null));
  throw new TaskrunError("bad-payload", `The payload for ${name} is wrong at ${where}`);
}

function payloadJson(name: string, payload: unknown): string {
  const made = toPayloadJson(payload);
  if (made.ok) return made.json;
  const what = `The payload for ${name} is not JSON that can be queued: it has ${made.fault}`;
  throw new TaskrunError("bad-payload", what, { nextStep: "Send plain JSON values." });
}
