/**
 * Runs one task the way a process would (schemas, timeout, middleware, classification, retry
 * policy), without a database: for unit tests of task files.
 */

import type { Pool } from "pg";
import { pino } from "pino";
import type { EndedJob, GraphileAddJobOptions, Progress } from "../core/context.ts";
import { type Duration, parseDuration } from "../core/duration.ts";
import type { EnqueueOptions, Job } from "../core/job.ts";
import { fromKeptJson, toKeptJson } from "../core/kept-json.ts";
import type { Middleware } from "../core/middleware.ts";
import type { Failure, Outcome } from "../core/outcome.ts";
import { resolveTask } from "../core/resolve-task.ts";
import type { Classify, DefinedTask, Task } from "../core/task.ts";
import { Attempt, type AttemptServices } from "../runtime/attempt/attempt.ts";
import { executeAttempt } from "../runtime/attempt/execute-attempt.ts";
import { MemoryJournal } from "../runtime/steps/memory-journal.ts";
import type { ParentEnd } from "../store/dependencies.ts";
import { poolWithoutDatabase } from "./pool-without-database.ts";

export interface RunTaskOverrides {
  /** The task's name. Default "task". */
  name?: string;
  /** 1 for the first attempt. Default 1. */
  attempt?: number;
  /** Default: the task's `retry.maxAttempts`. */
  maxAttempts?: number;
  /** Any other field of the job: `correlationId`, `key`, `metadata`, … */
  job?: Partial<Omit<Job, "payload" | "attempt" | "maxAttempts">>;
  /** Steps that attempts before have done, in that order. Default: none. */
  steps?: readonly { readonly name: string; readonly result?: unknown }[];
  /**
   * What `ctx.waitFor` finds, by the ids of the jobs. One that isn't here has not ended, and the
   * outcome is `waiting`. Jobs that the task enqueues have the ids "2", "3", … Default: none.
   */
  jobs?: Readonly<Record<string, Partial<Omit<EndedJob, "id">>>>;
  /** In place of the task's timeout. */
  timeout?: Duration | false;
  /** How long after a timeout the attempt waits for its handler. Default "1s". */
  timeoutGrace?: Duration;
  /** Aborting it stops the attempt: with a CancelledError or ShutdownError as its reason, say. */
  signal?: AbortSignal;
  /** For `ctx.query` and `ctx.withPgClient`. Default: using them is an error that says so. */
  pool?: Pool;
  /** The config's word on errors. Default: none. */
  classify?: Classify;
  /** From 0 to 1, for the jitter of retries. Default 0.5: no jitter. */
  random?: number;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface EnqueuedJob {
  readonly id: string;
  readonly task: string;
  readonly payload: unknown;
  readonly options: EnqueueOptions & GraphileAddJobOptions;
}

export interface StepRun {
  readonly name: string;
  readonly result: unknown;
  /** Whether it was undone. */
  readonly compensated: boolean;
}

export interface TaskRun<Output> {
  readonly outcome: Outcome;
  /** As it would be kept: what JSON makes of it. null unless completed. */
  readonly output: Output | null;
  /** Why it failed or will be retried; null otherwise. Its `thrown` is what was thrown. */
  readonly error: Failure | null;
  /** Every line, of the attempt itself and of `ctx.log`, down to trace. */
  readonly logs: readonly LogLine[];
  /** Every report, also those a process would not write. */
  readonly progress: readonly Progress[];
  readonly enqueued: readonly EnqueuedJob[];
  /** Every step that is done, those given too, in the order in which they were done. */
  readonly steps: readonly StepRun[];
}

/** What `defineTask` returned, or a plain handler. */
type Runnable<Payload, Output> =
  | DefinedTask<Payload, Output>
  | ((payload: Payload, ctx: never) => Output | Promise<Output>);

/**
 * Runs one attempt of a task and says what came of it; a failing handler is a result, not a
 * throw. The payload goes through JSON first, as it does through the queue.
 *
 * @throws TaskDefinitionError when the task's definition is wrong
 *
 * @example
 * const { outcome, output } = await runTask(sendEmail, { to: "a@b.co" });
 */
export async function runTask<Payload, Output>(
  task: Runnable<Payload, Output>,
  payload: unknown = {},
  overrides: RunTaskOverrides = {},
): Promise<TaskRun<Output>> {
  const loaded = loadedTask(task, overrides);
  const seen: Seen = { logs: [], progress: [], enqueued: [], journal: journalOf(overrides) };
  const recorded = { ...loaded, middleware: [recordProgress(seen), ...loaded.middleware] };
  const attempt = new Attempt(
    jobOf(loaded, payload, overrides),
    recorded,
    services(overrides, seen),
  );
  seen.attempt = attempt;

  const { signal } = overrides;
  const stop = () => attempt.abort(asError(signal?.reason));
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const outcome = await executeAttempt(attempt);
  signal?.removeEventListener("abort", stop);

  const json = outcome.state === "completed" ? outcome.outputJson : null;
  return {
    outcome,
    output: json === null ? null : (JSON.parse(json) as Output), // why: the test knows its task
    error: "error" in outcome ? outcome.error : null,
    logs: seen.logs,
    progress: seen.progress,
    enqueued: seen.enqueued,
    steps: seen.journal.list.map(({ name, resultJson, state }) => {
      return { name, result: fromKeptJson(resultJson), compensated: state === "compensated" };
    }),
  };
}

function journalOf({ steps = [] }: RunTaskOverrides): MemoryJournal {
  const done = steps.map(({ name, result }) => {
    return { name, resultJson: toKeptJson(result, `step ${JSON.stringify(name)}`) };
  });
  return new MemoryJournal(done);
}

interface Seen {
  attempt?: Attempt;
  readonly logs: LogLine[];
  readonly progress: Progress[];
  readonly enqueued: EnqueuedJob[];
  readonly journal: MemoryJournal;
}

function loadedTask(definition: unknown, overrides: RunTaskOverrides): Task {
  const name = overrides.name ?? "task";
  const task = resolveTask(definition, { name, file: "task under test", version: 1, layers: [] });
  if (overrides.timeout === undefined) return task;
  const timeoutMs = overrides.timeout === false ? false : parseDuration(overrides.timeout);
  return { ...task, policies: { ...task.policies, timeoutMs } };
}

/** Sits outside the task's own middleware, where progress is already taken up. */
function recordProgress(seen: Seen): Middleware {
  return (_ctx, next) => {
    const { attempt } = seen;
    if (attempt !== undefined) {
      const write = attempt.onProgress;
      attempt.onProgress = (running, progress) => {
        seen.progress.push(progress);
        write?.(running, progress);
      };
    }
    return next();
  };
}

function jobOf(task: Task, payload: unknown, overrides: RunTaskOverrides): Job {
  const now = new Date();
  const { queue } = task.policies;
  return {
    id: "1",
    task: task.name,
    payload: JSON.parse(JSON.stringify(payload)),
    attempt: overrides.attempt ?? 1,
    maxAttempts: overrides.maxAttempts ?? task.policies.maxAttempts,
    lastError: null,
    createdAt: now,
    runAt: now,
    key: null,
    queue: typeof queue === "string" ? queue : null,
    priority: task.policies.priority,
    correlationId: null,
    createdBy: null,
    parentId: null,
    metadata: null,
    flags: null,
    revision: 0,
    retry: null,
    timeoutMs: null,
    ending: null,
    suspect: false,
    crashes: 0,
    ...overrides.job,
  };
}

function services(overrides: RunTaskOverrides, seen: Seen): AttemptServices {
  const random = overrides.random ?? 0.5;
  return {
    logger: pino(
      {
        level: "trace",
        base: null,
        messageKey: "message",
        formatters: { level: (level) => ({ level }) },
      },
      { write: (line) => void seen.logs.push(JSON.parse(line)) },
    ),
    pool: overrides.pool ?? poolWithoutDatabase(),
    enqueue: async (task, payload, options) => {
      const id = String(seen.enqueued.length + 2);
      seen.enqueued.push({ id, task, payload, options });
      return { id };
    },
    journal: () => seen.journal,
    parentEnds: async (ids) => ids.map((id) => parentEnd(id, overrides.jobs?.[id])),
    saveProgress: () => {},
    settings: {
      timeoutGraceMs: parseDuration(overrides.timeoutGrace ?? "1s"),
      logPayloads: false,
      classify: overrides.classify ?? null,
    },
    random: () => random,
  };
}

function parentEnd(id: string, given: Partial<EndedJob> | undefined): ParentEnd {
  const { state = "completed", ...more } = given ?? { state: "unfinished" };
  return { task: "task", output: null, error: null, ...more, id, state: state ?? "gone" };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("the attempt was stopped", { cause: reason });
}
