/**
 * What a caller says of a job and what its task's file says, put into the options of
 * `taskrun.add_job`. Refuses options that are wrong, in the words of the caller's language.
 */

import type { GraphileAddJobOptions } from "../../core/context.ts";
import { parseDuration } from "../../core/duration.ts";
import { TaskrunError } from "../../core/errors.ts";
import { type EnqueueOptions, priorityNumbers } from "../../core/job.ts";
import { jobMaxAttempts } from "../../core/job-retry.ts";
import type { Task } from "../../core/task.ts";
import { checkJobOptions } from "./check-job-options.ts";

/**
 * The options of `taskrun.add_job`: what the caller says, else what the task's file says. For a
 * payload that the task's schema has accepted: what was published of it is not asked then.
 *
 * @throws TaskrunError `bad-enqueue-option`
 */
export function columnsFor(
  task: Task | undefined,
  parsedPayload: unknown,
  given: EnqueueOptions & GraphileAddJobOptions,
): Record<string, unknown> {
  const problem = checkJobOptions(given);
  if (problem !== null) throw new TaskrunError("bad-enqueue-option", problem);
  const options: EnqueueOptions & GraphileAddJobOptions = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== null),
  );
  const policies = task?.policies;
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
    // A driver's ids may be BigInts, which JSON has no word for.
    parent_id: options.parentId === undefined ? undefined : String(options.parentId),
    metadata: options.metadata,
    validate: task === undefined || task.payloadSchema === null ? undefined : false,
  };
}

/** What a job says for itself, where else its task's word holds. */
function ownPolicies(
  { retry, timeout, after, onParentFailure, maxAttempts }: EnqueueOptions,
  taskAttempts: number | undefined,
): Record<string, unknown> {
  const retryAttempts = retry === undefined ? undefined : jobMaxAttempts(retry);
  return {
    max_attempts: maxAttempts ?? retryAttempts ?? taskAttempts,
    retry,
    timeout: timeout === undefined || timeout === false ? timeout : parseDuration(timeout),
    after: after?.map(String),
    on_parent_failure: onParentFailure,
  };
}

function priorityOf(priority: EnqueueOptions["priority"]): number | undefined {
  return typeof priority === "string" ? priorityNumbers[priority] : priority;
}
