/**
 * What a caller says of a job and what its task's file says, put into the options of
 * `taskrun.add_job`. Refuses options that are wrong, in the words of the caller's language.
 */

import type { GraphileAddJobOptions } from "../../core/context.ts";
import { parseDuration } from "../../core/duration.ts";
import { TaskrunError } from "../../core/errors.ts";
import { type EnqueueOptions, priorityNumbers } from "../../core/job.ts";
import { jobMaxAttempts, jobRetryProblem } from "../../core/job-retry.ts";
import type { Task } from "../../core/task.ts";

/**
 * The options of `taskrun.add_job`: what the caller says, else what the task's file says. For a
 * payload that the task's schema has accepted: what was published of it is not asked then.
 *
 * @throws TaskrunError `bad-enqueue-option`; `bad-duration` for `delay`.
 */
export function columnsFor(
  task: Task | undefined,
  parsedPayload: unknown,
  options: EnqueueOptions & GraphileAddJobOptions,
): Record<string, unknown> {
  const policies = task?.policies;
  if (options.runAt !== undefined && options.delay !== undefined) {
    throw new TaskrunError("bad-enqueue-option", "Give runAt or delay, not both");
  }
  const queueOf = policies?.queue;
  const queue = typeof queueOf === "function" ? queueOf(parsedPayload) : queueOf;
  return {
    run_at: options.runAt instanceof Date ? options.runAt.toISOString() : options.runAt,
    delay: options.delay === undefined ? undefined : parseDuration(options.delay),
    priority: priorityOf(options.priority) ?? policies?.priority,
    queue: options.queue ?? options.queueName ?? queue ?? undefined,
    key: options.key ?? options.jobKey,
    key_mode: options.keyMode ?? options.jobKeyMode,
    ...ownPolicies(options, policies?.maxAttempts),
    flags: options.flags,
    correlation_id: options.correlationId,
    created_by: options.createdBy,
    parent_id: options.parentId,
    metadata: options.metadata,
    validate: task === undefined || task.payloadSchema === null ? undefined : false,
  };
}

/** What a job says for itself, where else its task's word holds. */
function ownPolicies(
  { retry, timeout, after, onParentFailure, maxAttempts }: EnqueueOptions,
  taskAttempts: number | undefined,
): Record<string, unknown> {
  const problem = retry === undefined ? null : jobRetryProblem(retry);
  if (problem !== null) throw new TaskrunError("bad-enqueue-option", problem);
  const retryAttempts = retry === undefined ? undefined : jobMaxAttempts(retry);
  return {
    max_attempts: maxAttempts ?? retryAttempts ?? taskAttempts,
    retry,
    timeout: timeoutOf(timeout),
    after: after === undefined ? undefined : parentsOf(after),
    on_parent_failure: onParentFailure === undefined ? undefined : knownParentRule(onParentFailure),
  };
}

function timeoutOf(timeout: EnqueueOptions["timeout"]): number | false | undefined {
  if (timeout === undefined || timeout === false) return timeout;
  const expected = 'a duration like "30s", a number of milliseconds, or false for none';
  try {
    const timeoutMs = parseDuration(timeout);
    if (timeoutMs > 0) return timeoutMs;
  } catch (cause) {
    throw refusal("timeout", timeout, expected, cause);
  }
  throw refusal("timeout", timeout, expected);
}

function parentsOf(after: NonNullable<EnqueueOptions["after"]>): readonly string[] {
  const ids = Array.isArray(after) ? after.map(String) : [];
  if (Array.isArray(after) && ids.every((id) => /^\d{1,18}$/.test(id))) return ids;
  throw refusal("after", after, 'an array of the ids of jobs, like ["17", "18"]');
}

const parentRules: readonly unknown[] = ["cancel", "run", "fail"];

function knownParentRule(rule: EnqueueOptions["onParentFailure"]) {
  if (parentRules.includes(rule)) return rule;
  throw refusal("onParentFailure", rule, '"cancel", "run" or "fail"');
}

function refusal(option: string, value: unknown, expected: string, cause?: unknown): TaskrunError {
  const what = `${option}: got ${JSON.stringify(value)}, expected ${expected}`;
  return new TaskrunError("bad-enqueue-option", what, cause === undefined ? {} : { cause });
}

function priorityOf(priority: EnqueueOptions["priority"]): number | undefined {
  if (priority === undefined || typeof priority === "number") return priority;
  const number = priorityNumbers[priority];
  if (number === undefined) {
    const known = Object.keys(priorityNumbers).join(", ");
    throw new TaskrunError(
      "bad-enqueue-option",
      `priority "${priority}" is neither an integer nor one of ${known}`,
    );
  }
  return number;
}
