/**
 * A job in the words of the HTTP API, where a job is called a task and its task a task_type.
 * Owns the names; what they stand for is in `docs/http.md`.
 */

import type { Progress } from "../core/context.ts";
import { type PriorityName, priorityNumbers } from "../core/job.ts";
import type { JobStory, RelatedJob } from "../store/job-story.ts";
import type { AttemptRow, JobRow } from "../store/jobs.ts";

/** What creating a task answers. */
export function createdTask(row: JobRow) {
  return {
    id: String(row.id),
    task_type: row.task,
    status: row.state,
    priority: priorityName(row.priority),
    created_at: row.created_at,
  };
}

/** One line of a list: without what may be large. */
export function taskView(row: JobRow) {
  return {
    ...createdTask(row),
    scheduled_at: momentOf(row.run_at),
    started_at: row.started_at,
    completed_at: row.finished_at,
    current_attempt: row.attempts,
    max_attempts: row.max_attempts,
    last_error: row.error,
    progress: (row.progress as Progress | null) ?? null, // why: written by runtimes only
    queue: row.queue,
    key: row.key,
    correlation_id: row.correlation_id,
    created_by: row.created_by,
  };
}

export function taskDetails(story: JobStory) {
  const { job, failed_attempts, explanation } = story;
  return {
    ...taskView(job),
    payload: job.payload,
    output: job.output,
    metadata: job.metadata ?? {},
    error: job.error,
    attempts: failed_attempts.map(failedAttempt),
    wait_ms: span(momentOf(job.run_at), job.started_at),
    run_ms: span(job.started_at, job.finished_at),
    process: job.process,
    steps: story.steps,
    logs: story.logs,
    parent: story.parent === null ? null : relative(story.parent),
    children: story.children.map(relative),
    waits_for: story.waits_for.map(relative),
    waited_for_by: story.waited_for_by.map(relative),
    explanation: explanation?.sentence ?? null,
  };
}

function relative({ id, task, state }: RelatedJob) {
  return { id, task_type: task, status: state };
}

function failedAttempt(row: AttemptRow) {
  const { error_name, error_message, error_stack, ...rest } = row;
  return {
    ...rest,
    error: { name: error_name, message: error_message, stack: error_stack },
    run_ms: span(row.started_at, row.finished_at),
  };
}

/** critical, high, normal, low; the number where it has no name. */
function priorityName(priority: number): PriorityName | number {
  const named = Object.entries(priorityNumbers).find(([, number]) => number === priority);
  // why: the record's keys are the names
  return (named?.[0] as PriorityName | undefined) ?? priority;
}

/** A moment that never comes is none. */
function momentOf(value: unknown): Date | null {
  return value instanceof Date ? value : null;
}

function span(from: Date | null, until: Date | null): number | null {
  return from === null || until === null ? null : Math.max(0, until.getTime() - from.getTime());
}
