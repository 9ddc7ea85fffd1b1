/**
 * What is answered of a task, as schemas: the reference is made of them, and the compiler holds
 * `task-view` to them.
 */

import { z } from "zod";
import { jobStates } from "../core/job.ts";

/** A moment; in JSON as ISO 8601, in UTC. */
export const at = z.date();

/** Things that are not changed any more. */
export const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

export const taskStatus = z.enum(jobStates);

const id = z.string().describe("A decimal number, as a string");
const ms = z.number().describe("Milliseconds");

export const createdTaskShape = z.object({
  id,
  task_type: z.string(),
  status: taskStatus,
  priority: z
    .union([z.enum(["critical", "high", "normal", "low"]), z.number()])
    .describe("A number where it has no name; lower runs first"),
  created_at: at,
});

const progress = z
  .object({ done: z.number(), total: z.number().nullable(), message: z.string().nullable() })
  .nullable();

/** One line of a list: without what may be large. */
export const taskShape = createdTaskShape.extend({
  scheduled_at: at.nullable(),
  started_at: at.nullable(),
  completed_at: at.nullable(),
  current_attempt: z.number(),
  max_attempts: z.number(),
  last_error: z.string().nullable(),
  progress,
  queue: z.string().nullable(),
  key: z.string().nullable(),
  correlation_id: z.string().nullable(),
  created_by: z.string().nullable(),
});

const failedAttempt = z.object({
  attempt: z.number(),
  state: z.string().describe("What the task was after it: retrying or failed, for the most part"),
  error: z.object({
    name: z.string().nullable(),
    message: z.string().nullable(),
    stack: z.string().nullable(),
  }),
  rule: z.string().nullable().describe("Why it was retried or not"),
  started_at: at.nullable(),
  finished_at: at,
  next_run_at: at.nullable(),
  process: z.string().nullable(),
  run_ms: ms.nullable(),
});

const step = z.object({
  name: z.string(),
  state: z.enum(["done", "compensated", "uncompensated"]),
  compensable: z.boolean(),
  attempt: z.number(),
  result: z.unknown(),
  error: z.string().nullable(),
  started_at: at,
  finished_at: at,
  compensated_at: at.nullable(),
});

export const logLineShape = z.object({
  attempt: z.number(),
  logged_at: at,
  level: z.string(),
  message: z.string(),
  fields: z.unknown().describe("An object, or null"),
});

const relative = z.object({
  id,
  task_type: z.string().nullable().describe("Null where nothing is kept of it any more"),
  status: z.string().nullable(),
});

export const taskDetailsShape = taskShape.extend({
  payload: z.unknown(),
  output: z.unknown(),
  metadata: z.unknown().describe("An object"),
  error: z.string().nullable(),
  attempts: listOf(failedAttempt).describe("Those that failed, the first one first"),
  wait_ms: ms.nullable(),
  run_ms: ms.nullable(),
  process: z.string().nullable(),
  steps: listOf(step),
  logs: listOf(logLineShape).describe("The last lines, the oldest first"),
  parent: relative.nullable().describe("The task that enqueued it"),
  children: listOf(relative).describe("Tasks that it enqueued, the newest ones"),
  waits_for: listOf(relative),
  waited_for_by: listOf(relative),
  explanation: z.string().nullable(),
});

export const explanationShape = z.object({
  id,
  status: taskStatus,
  reason: z.string().describe("For programs; reasons are only ever added"),
  sentence: z.string(),
  facts: z.record(z.string(), z.unknown()),
});

export const latencyShape = z.object({ p50: ms.nullable(), p95: ms.nullable() });
