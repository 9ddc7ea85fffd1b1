/**
 * What a task file defines, and what becomes of it: `TaskDefinition` is what the author writes,
 * `Task` is one loaded version of it with every policy resolved.
 */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ByteSize } from "./byte-size.ts";
import type { TaskContext } from "./context.ts";
import type { Duration } from "./duration.ts";
import type { Priority } from "./job.ts";
import type { Middleware } from "./middleware.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { SecretPath } from "./secret-path.ts";

/** Says how long to wait after `attempt` (1-based) ended with `error`. */
export type RetryFunction = (error: unknown, attempt: number) => Duration | "give_up";

/** A task's own word on an error; undefined leaves it to the rules after it. */
export type Classify = (error: unknown) => "permanent" | "retryable" | undefined;

/** When to stop fetching a task's jobs because they keep failing; the same for all processes. */
export interface BreakerPolicy {
  /** Opens after so many failed attempts in a row. Default 5. */
  failures?: number;
  /** Closes after so many completed jobs in a row, let through one at a time. Default 3. */
  successes?: number;
  /** No job is fetched for that long, then one. Default "60s". */
  openFor?: Duration;
}

/** How long finished jobs stay in the history; false = for ever, 0 = not at all. */
export interface RetainPolicy {
  /** Default "24h". */
  completed?: Duration | false;
  /** Default "24h". */
  cancelled?: Duration | false;
  /** Default "7d". */
  failed?: Duration | false;
}

/** Bounds the jobs that share a key, in all processes together. */
export interface LimitPolicy<Payload> {
  /** Jobs of different keys don't wait for each other; undefined = not limited. */
  key: (payload: Payload) => string | undefined;
  /** How many of a key run at once. Default: no bound. */
  concurrency?: number;
  /** How many of a key start within any span of `per`. Default: no bound. */
  rate?: { max: number; per: Duration };
}

/** Where a handler runs so that it can be ended whatever it does. */
export interface IsolatePolicy {
  kind: "thread";
  /** How much heap its thread may use: "256MB". Default: as much as Node gives a thread. */
  memory?: ByteSize;
}

/** What `_defaults.ts` files and the config may set for the tasks beneath them. */
export interface TaskDefaults {
  retry?: RetryPolicy | RetryFunction;
  /** An attempt's limit; false = none. Default "30s". */
  timeout?: Duration | false;
  /** Default "normal". */
  priority?: Priority;
  classify?: Classify;
  /** Default: none. */
  breaker?: BreakerPolicy | false;
  /** How long finished jobs stay in the history: for each outcome, or one for all. */
  retain?: RetainPolicy | Duration | false;
  /** "thread": the handler runs in a thread of its own, which can be ended. Default: it doesn't. */
  isolate?: "thread" | IsolatePolicy | false;
  /**
   * Where secrets are in payloads, outputs and metadata: "$.apiKey", "$.items[*].token". Adds up
   * with the folder's, the config's and what `secret()` marks in the schemas. Default: none.
   */
  redact?: readonly string[];
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
  /** How many of its jobs run at once in one process. Default: as many as the process runs. */
  concurrency?: number;
  /** Bounds jobs that share a key, in all processes together. Default: none. */
  limit?: LimitPolicy<Payload>;
  /** Other names that jobs may be queued under. */
  aliases?: readonly string[];
  /** One sentence for people. */
  description?: string;
  /** Runs inside the config's and the folder's middleware, around the handler. */
  middleware?: readonly Middleware[];
  /** Runs after the last attempt, once the job has failed for good; its errors are logged. */
  onFailed?: (payload: Payload, ctx: TaskContext, error: unknown) => unknown;
  handler: (payload: Payload, ctx: TaskContext) => Returned;
}

export type Handler = (payload: unknown, ctx: TaskContext) => unknown;
export type FailedHandler = (payload: unknown, ctx: TaskContext, error: unknown) => unknown;

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
  readonly onFailed: FailedHandler | null;
  /** The config's, each folder's from the outermost, then the task's own. */
  readonly middleware: readonly Middleware[];
  readonly policies: TaskPolicies;
  /** Null for a task that has none, which most haven't. */
  readonly secrets: TaskSecrets | null;
  /**
   * Which file set each policy: "default", or a path relative to the project; several, with
   * commas, where what they say adds up.
   */
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
  readonly breaker: Breaker | null;
  /** In one process; null = no bound of its own. */
  readonly concurrency: number | null;
  readonly limit: Limit | null;
  readonly retain: Retain;
  /** null = the handler runs in the process's own thread. */
  readonly isolate: Isolate | null;
  /** As the config, the folders and the task give them. */
  readonly redact: readonly string[];
}

/** Where a task's secrets are: what `redact` says and `secret()` marks in its schemas. */
export interface TaskSecrets {
  /** In payloads and metadata. */
  readonly payload: readonly SecretPath[];
  readonly output: readonly SecretPath[];
}

/** A settled IsolatePolicy. */
export interface Isolate {
  readonly kind: "thread";
  /** Megabytes; null = as many as Node gives a thread. */
  readonly memoryMb: number | null;
}

/** A settled BreakerPolicy. */
export interface Breaker {
  readonly failures: number;
  readonly successes: number;
  readonly openForMs: number;
}

/** A settled LimitPolicy. */
export interface Limit {
  readonly key: (payload: unknown) => string | undefined;
  readonly concurrency: number | null;
  readonly rate: { readonly max: number; readonly perMs: number } | null;
}

/** A settled RetainPolicy; null = for ever, 0 = not at all. */
export interface Retain {
  readonly completedMs: number | null;
  readonly cancelledMs: number | null;
  readonly failedMs: number | null;
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
