/**
 * An attempt as the built-in middleware sees it. Owns the shape only; the value itself, with
 * everything a handler reaches through its context, is `runtime/attempt/attempt.ts`.
 */

import type { AttemptSecrets } from "./attempt-secrets.ts";
import type { Progress, TaskContext } from "./context.ts";
import type { Job } from "./job.ts";
import type { Logger } from "./logger.ts";
import type { Outcome } from "./outcome.ts";
import type { Classify, Task } from "./task.ts";

export interface AttemptSettings {
  /** How long an attempt that was told to stop may still run before it is settled without it. */
  readonly timeoutGraceMs: number;
  readonly logPayloads: boolean;
  /** The config's word on errors, after the task's. */
  readonly classify: Classify | null;
}

/** An end that the handler has written itself. */
export interface OwnCompletion {
  readonly outputJson: string | null;
  /** Whether it was committed. */
  landed(): Promise<boolean>;
}

export interface RunningAttempt {
  readonly job: Job;
  readonly task: Task;
  readonly ctx: TaskContext;
  /** The process's logger; its lines don't carry the attempt's fields. */
  readonly logger: Logger;
  readonly settings: AttemptSettings;
  readonly startedAtMs: number;
  /** As queued, until a schema has parsed it. */
  payload: unknown;
  /** The last progress reported; the settle step writes it. */
  progress: Progress | null;
  /** Which entries of a batch are not done yet, by position; null when it is no batch. */
  remaining: (() => readonly number[]) | null;
  /** Why the attempt was told to stop; null while it wasn't. */
  readonly stopReason: Error | null;
  /** Decided from outside, whatever the handler does; null while it isn't. */
  readonly decided: Outcome | null;
  /** The handler has ended the job itself, in a transaction that may not be committed yet. */
  readonly completing: OwnCompletion | null;
  /** The handler outlasted its grace and still runs, without a say. */
  left: boolean;
  /** Called when one of the two above is set. One listener: `enforce-timeout`. */
  onStop: (() => void) | null;
  /** Takes what a handler reports; set by `track-progress`. */
  onProgress: ((attempt: RunningAttempt, progress: Progress) => void) | null;
  /** Tells the handler to stop; the first reason stays. */
  abort(reason: Error): void;
  /** The attempt is over without its handler, which still runs. */
  abandonHandler(): void;
  /** A handler without which the attempt was over has ended. */
  handlerEnded(): void;
  /** The handler has no say any more, if it still runs: forgets the two listeners. */
  detach(): void;
  /** Writes progress now. */
  saveProgress(progress: Progress): void;
  /** What every line about this attempt carries. */
  logFields(): Record<string, unknown>;
  /** The task's secrets in this job; null for a task that has none. */
  readonly secrets: AttemptSecrets | null;
  /** From 0 to 1. */
  random(): number;
}
