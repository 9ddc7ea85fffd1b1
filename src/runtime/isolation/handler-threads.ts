/**
 * The threads in which tasks with `isolate: "thread"` run: makes them, keeps some warm, bounds
 * their number, and ends those whose handler didn't stop when it was told to. A thread runs one
 * attempt at a time, so that ending it ends nothing else, and only one version of one task.
 */

import { isAbsolute } from "node:path";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { Logger } from "../../core/logger.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { Task } from "../../core/task.ts";
import type { Schemas } from "../../store/schemas.ts";
import { pause } from "../../store/transient.ts";
import type { Attempt } from "../attempt/attempt.ts";
import type { BackgroundService } from "../background-service.ts";
import type { Completion } from "../settling/completion.ts";
import type { TaskRegistry } from "../task-registry.ts";
import { TaskThread } from "./task-thread.ts";

export interface HandlerThreadsOptions {
  readonly config: Pick<
    ResolvedConfig,
    "concurrency" | "handlerPoolSize" | "importTimeoutMs" | "projectDir" | "tasks"
  >;
  readonly connectionString: string;
  readonly logger: Logger;
  readonly registry: TaskRegistry;
  readonly schemas: Schemas;
  readonly completion: Completion;
}

// A handler asks for one connection at a time, now and then for two.
const mostConnections = 3;
const idleMs = 60_000;
// Code in a native function can't be interrupted before it returns.
const terminateMs = 2_000;

export class HandlerThreads implements BackgroundService {
  readonly #options: HandlerThreadsOptions;
  readonly #all = new Set<TaskThread>();
  /** Since when they have nothing to do; the longest first. */
  readonly #idle = new Map<TaskThread, number>();
  readonly #ofAttempts = new Map<Attempt, TaskThread>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: HandlerThreadsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#endUnused(), idleMs / 2);
    this.#timer.unref();
    this.#warm();
  }

  /** Old versions end with their attempts; of new ones a thread is made at once. */
  tasksChanged(): void {
    for (const thread of this.#idle.keys()) if (!this.#isCurrent(thread)) void this.#end(thread);
    this.#warm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#all].map((thread) => this.#end(thread)));
  }

  /** Whether the task's handler runs in a thread: there must be a file to load it from. */
  isolates({ file, policies }: Task): boolean {
    return policies.isolate !== null && isAbsolute(file);
  }

  /** Runs the attempt's handler; to be followed by `untilFree`. */
  run(attempt: Attempt): Promise<unknown> {
    const { task } = attempt;
    const thread = this.#idleOf(task) ?? this.#make(task);
    this.#idle.delete(thread);
    this.#ofAttempts.set(attempt, thread);
    return thread.run(attempt);
  }

  /** The outcome, once the attempt's code runs no more: a handler that goes on is ended. */
  async untilFree(attempt: Attempt, outcome: Promise<Outcome>): Promise<Outcome> {
    const settled = await outcome;
    const thread = this.#ofAttempts.get(attempt);
    if (thread === undefined) return settled;
    this.#ofAttempts.delete(attempt);
    const goesOn = thread.busy;
    thread.forget();
    if (goesOn) {
      const ranMs = Date.now() - attempt.startedAtMs;
      const line = { ...attempt.logFields(), ranMs };
      attempt.logger.warn(
        line,
        "the handler did not stop when it was told to: its thread is ended",
      );
      await this.#end(thread);
    } else if (!thread.gone) {
      this.#idle.set(thread, performance.now());
      if (this.#stopped || !this.#isCurrent(thread)) await this.#end(thread);
    }
    return settled;
  }

  #idleOf(task: Task): TaskThread | undefined {
    for (const thread of this.#idle.keys()) if (thread.task === task) return thread;
    return undefined;
  }

  #make(task: Task): TaskThread {
    const { completion, config, connectionString, logger, schemas } = this.#options;
    const [longestIdle] = this.#idle.keys();
    if (this.#all.size >= config.concurrency && longestIdle !== undefined) {
      void this.#end(longestIdle);
    }
    const thread = new TaskThread({
      task,
      logger,
      completion,
      data: {
        projectDir: config.projectDir,
        tasksDir: config.tasks,
        importTimeoutMs: config.importTimeoutMs,
        task: task.name,
        connectionString,
        schemas,
        poolSize: Math.min(config.handlerPoolSize, mostConnections),
      },
      onExit: (gone) => this.#forget(gone),
    });
    this.#all.add(thread);
    return thread;
  }

  /** One thread for each task, as far as there may be as many. */
  #warm(): void {
    const { config, registry } = this.#options;
    const served = new Set([...this.#all].map(({ task }) => task));
    for (const task of registry.catalog.tasks.values()) {
      if (this.#stopped || this.#all.size >= config.concurrency) return;
      if (!this.isolates(task) || served.has(task)) continue;
      this.#idle.set(this.#make(task), performance.now());
    }
  }

  #isCurrent({ task }: TaskThread): boolean {
    return this.#options.registry.find(task.name) === task;
  }

  /** After a burst; one of each task stays warm. */
  #endUnused(): void {
    const untilMs = performance.now() - idleMs;
    for (const [thread, sinceMs] of this.#idle) {
      const others = [...this.#idle.keys()].some(
        (other) => other !== thread && other.task === thread.task,
      );
      if (sinceMs < untilMs && others) void this.#end(thread);
    }
  }

  async #end(thread: TaskThread): Promise<void> {
    this.#forget(thread);
    const over = new AbortController();
    const late = pause(terminateMs, over.signal);
    await Promise.race([thread.terminate(), late]);
    over.abort();
  }

  #forget(thread: TaskThread): void {
    this.#all.delete(thread);
    this.#idle.delete(thread);
  }
}
