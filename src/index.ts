/** The public names of the door `taskrun`: what task files and a project's config need. */

export { defineTask } from "./client/define-task.ts";
export type { EnqueueableTask } from "./client/typed-enqueue.ts";
export { defineConfig, type UserConfig } from "./config/define-config.ts";
export type { ByteSize } from "./core/byte-size.ts";
export type {
  CompletesJob,
  EndedJob,
  OnceOptions,
  Progress,
  StepOptions,
  TaskContext,
} from "./core/context.ts";
export { type Duration, parseDuration } from "./core/duration.ts";
export { TaskrunError, type TaskrunErrorCode } from "./core/errors.ts";
export type {
  EnqueueOptions,
  Job,
  JobState,
  Json,
  Priority,
  PriorityName,
} from "./core/job.ts";
export { keep } from "./core/keep.ts";
export type { Logger } from "./core/logger.ts";
export type { Middleware } from "./core/middleware.ts";
export { onDispose } from "./core/on-dispose.ts";
export type { Directive, Failure, Outcome } from "./core/outcome.ts";
export {
  definePlugin,
  type Plugin,
  type PluginHost,
  type PluginListeners,
  type PluginService,
} from "./core/plugin.ts";
export { type Err, err, type Ok, ok, type Result } from "./core/result.ts";
export type { JobRetry, RetryPolicy, RetryStrategy } from "./core/retry-policy.ts";
export { secret } from "./core/secret.ts";
export type {
  BreakerPolicy,
  Classify,
  DefinedTask,
  IsolatePolicy,
  LimitPolicy,
  RetainPolicy,
  RetryFunction,
  TaskDefaults,
  TaskDefinition,
} from "./core/task.ts";
export {
  BusinessLogicError,
  CancelledError,
  CircuitOpenError,
  ExternalServiceError,
  InvalidPayloadError,
  PermanentError,
  RateLimitedError,
  RetryableError,
  RetryLaterError,
  ShutdownError,
  StepError,
  TaskTimeoutError,
} from "./core/task-errors.ts";
export type { TaskEntry, TaskrunTasks } from "./core/taskrun-tasks.ts";
