/**
 * What a task file defines, and what becomes of it: `TaskDefinition` is what the author writes,
 * `Task` is one loaded version of it with every policy resolved.
 */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { TaskContext } from "./context.ts";
import type { Priority } from "./job.ts";
import type { Middleware } from "./middleware.ts";

/** "500ms", "30s", "5m", "24h", "7d", or milliseconds. */
export type Duration = string | number;

/** How long to wait after a failed attempt. */
export interface RetryPolicy {
  /** Default "exponential". */
  strategy?: "exponential" | "linear" | "fixed";
  /** The wait after the first failed attempt. Default "1s". */
  baseDelay?: Duration;
  /** exponential: each wait is this many times the one before. Default 2. */
  factor?: number;
  /** linear: each wait is this much longer than the one before. Default: `baseDelay`. */
  increment?: Duration;
  /** No wait is longer. Default "5m". */
  maxDelay?: Duration;
  /** Up to this share of the wait is added or taken at random: 0 to 1. Default 0.1. */
  jitter?: number;
  /** Attempts before the job has failed for good; for jobs that we enqueue. Default 3. */
  maxAttempts?: number;
}

/** Says how long to wait after `attempt` (1-based) ended with `error`. */
export type RetryFunction = (error: unknown, attempt: number) => Duration | "give_up";

/** A task's own word on an error; undefined leaves it to the rules after it. */
export type Classify = (error: unknown) => "permanent" | "retryable" | undefined;

/** What `_defaults.ts` files and the config may set for the tasks beneath them. */
export interface TaskDefaults {
  retry?: RetryPolicy | RetryFunction;
  /** An attempt's limit; false = none. Default "30s". */
  timeout?: Duration | false;
  /** Default "normal". */
  priority?: Priority;
  classify?: Classify;
}

/**
 * `Payload` is what the handler gets, `Input` what a job is queued with: the two sides of the
 * payload's schema. `Returned` is what the handler returns.
 */
export interface TaskDefinition<Payload, Output, Input = unknown, Returned = unknown>
  extends TaskDefaults {
  /** Checked when a job is enqueued and again when it runs. Default: any JSON. */
  payload?: StandardSchemaV1<Input, Payload>;
  /** Checked before an output is kept. Default: any JSON. */
  output?: StandardSchemaV1<unknown, Output>;
  /** Serial queue, or how to tell it from the payload. Default: none. */
  queue?: string | ((payload: Payload) => string | undefined);
  /** Other names that jobs may be queued under. */
  aliases?: readonly string[];
  /** One sentence for people. */
  description?: string;
  /** Runs inside the config's and the folder's middleware, around the handler. */
  middleware?: readonly Middleware[];
  handler: (payload: Payload, ctx: TaskContext) => Returned;
}

export type Handler = (payload: unknown, ctx: TaskContext) => unknown;

/** One loaded version of a task: an immutable value. */
export interface Task {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** Raised at each reload in this process; 1 at first. */
  readonly version: number;
  readonly description: string | null;
  readonly aliases: readonly string[];
  readonly payloadSchema: StandardSchemaV1 | null;
  readonly outputSchema: StandardSchemaV1 | null;
  readonly handler: Handler;
  /** The config's, each folder's from the outermost, then the task's own. */
  readonly middleware: readonly Middleware[];
  readonly policies: TaskPolicies;
  /** Which file set each policy: "default", or a path relative to the project. */
  readonly sources: Readonly<Record<keyof TaskPolicies, string>>;
}

export interface TaskPolicies {
  readonly retry:
    | (Required<Omit<RetryPolicy, "increment">> & { increment?: Duration })
    | RetryFunction;
  readonly timeoutMs: number | false;
  readonly priority: number;
  readonly queue: string | ((payload: unknown) => string | undefined) | null;
  readonly classify: Classify | null;
  /** For jobs that we enqueue; a row's own max_attempts always wins. */
  readonly maxAttempts: number;
}

// Symbol.for: a task file may import another copy of taskrun than the runtime is.
// why: Symbol.for can't be typed unique
export const taskBrand: unique symbol = Symbol.for("taskrun.task") as never;

/** What `defineTask` returns and a task file exports by default. */
export interface DefinedTask<Payload, Output, Input = unknown, Returned = unknown>
  extends TaskDefinition<Payload, Output, Input, Returned> {
  readonly [taskBrand]: true;
}

/**
 * Defines a task; export it by default from a file under `tasks/`.
 *
 * @example
 * export default defineTask({
 *   payload: z.object({ to: z.email() }),
 *   async handler(payload, ctx) {
 *     ctx.log.info({ to: payload.to }, "sending");
 *   },
 * });
 */
export function defineTask<
  Payload = unknown,
  Output = unknown,
  Input = Payload,
  Returned = unknown,
>(
  definition: TaskDefinition<Payload, Output, Input, Returned>,
): DefinedTask<Payload, Output, Input, Returned> {
  return Object.freeze({ ...definition, [taskBrand]: true as const });
}
