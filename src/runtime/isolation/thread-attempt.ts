/**
 * An attempt as its handler's thread has it: enough of one for the same context as in the
 * process. What is kept or decided elsewhere (steps, `once`, jobs to enqueue) is asked for.
 */

import type { Pool } from "pg";
import type {
  CompletesJob,
  GraphileAddJobOptions,
  OnceOptions,
  Progress,
  StepOptions,
  TaskContext,
} from "../../core/context.ts";
import type { EnqueueOptions, Job } from "../../core/job.ts";
import { toKeptJson } from "../../core/kept-json.ts";
import type { Logger } from "../../core/logger.ts";
import { toOutputJson } from "../../core/output-json.ts";
import type { Task } from "../../core/task.ts";
import type { ParentEnd } from "../../store/dependencies.ts";
import type { Schemas } from "../../store/schemas.ts";
import { attemptContext, type ContextSource } from "../attempt/attempt-context.ts";
import { type OwnSettlement, settleInside } from "../settling/completion.ts";
import type { ThreadCalls } from "./thread-calls.ts";
import type { RunMessage, StepParts } from "./thread-messages.ts";
import { fromWire } from "./wire-error.ts";

export interface ThreadAttemptParts {
  readonly task: Task;
  readonly message: RunMessage;
  readonly logger: Logger;
  readonly pool: () => Pool;
  readonly calls: ThreadCalls;
  readonly schemas: Schemas;
  readonly report: (progress: Progress) => void;
}

export class ThreadAttempt implements ContextSource {
  readonly job: Job;
  readonly task: Task;
  payload: unknown;
  readonly logger: Logger;
  readonly steps: ContextSource["steps"];
  readonly once: ContextSource["once"];
  readonly ctx: TaskContext;
  readonly #parts: ThreadAttemptParts;
  /** What steps are made of, for the process to call: by number. */
  readonly #functions = new Map<number, (input: unknown) => unknown>();
  #controller = new AbortController();
  #aborted: Promise<never> | null = null;

  constructor(parts: ThreadAttemptParts) {
    const { message, task, logger } = parts;
    this.#parts = parts;
    this.job = message.job;
    this.task = task;
    this.payload = message.job.payload;
    this.logger = logger;
    this.steps = { run: (name, fn, options) => this.#step(name, fn, options) };
    this.once = { run: (key, fn, options) => this.#once(key, fn, options) };
    if (message.stopReason !== null) this.#controller.abort(fromWire(message.stopReason));
    this.ctx = attemptContext(this);
  }

  get run(): number {
    return this.#parts.message.run;
  }

  get pool(): Pool {
    return this.#parts.pool();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get abortPromise(): Promise<never> {
    if (this.#aborted === null) {
      const { signal } = this;
      this.#aborted = new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      this.#aborted.catch(() => {});
    }
    return this.#aborted;
  }

  get parentEnds(): ContextSource["parentEnds"] {
    return async (ids) => {
      const ends = await this.#parts.calls.ask("parentEnds", [...ids]);
      return ends as readonly ParentEnd[]; // why: it is what the process's own lookup gave
    };
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** A signal of its own for what comes after the handler. */
  renew(): void {
    this.#controller = new AbortController();
    this.#aborted = null;
  }

  async enqueue(
    task: string,
    payload: unknown,
    options: EnqueueOptions & GraphileAddJobOptions,
  ): Promise<{ id: string }> {
    // why: the process answers with what its own enqueue gave
    return (await this.#parts.calls.ask("enqueue", task, payload, options)) as { id: string };
  }

  keepLog(log: Logger): Logger {
    return log;
  }

  async complete(tx: CompletesJob, output: unknown): Promise<void> {
    const json = JSON.parse(toOutputJson(output) ?? "null");
    const settlement = await this.#ask("beginCompletion", json);
    // why: it is what the process made of this very attempt
    await settleInside(tx, this.#parts.schemas, settlement as OwnSettlement);
    await this.#ask("completionWritten", settlement);
  }

  /** A handler in a thread is ended, wherever it hangs. */
  noteCall<T>(_what: string, answer: Promise<T>): Promise<T> {
    return answer;
  }

  report(progress: Progress): void {
    this.#parts.report(progress);
  }

  /** The attempt's own fields are added in the process. */
  logFields(): Record<string, unknown> {
    return {};
  }

  /** Called by the process: a step's function, or what undoes it. */
  callFunction(id: number, input: unknown): unknown {
    const fn = this.#functions.get(id);
    if (fn === undefined) throw new Error(`the attempt has no function ${id}`);
    return fn(input);
  }

  async #step<T>(
    name: string,
    fn: () => T | Promise<T>,
    { compensate, secret }: StepOptions<T> = {},
  ): Promise<T> {
    const call = this.#keep(async () => toKeptJson(await fn(), `step ${JSON.stringify(name)}`));
    // why: it is called with what its own step gave
    const undo = compensate === undefined ? null : this.#keep((result) => compensate(result as T));
    const parts: StepParts = { call, undo, secret };
    // why: the process answers with what its own step gave
    return (await this.#ask("step", name, parts)) as T;
  }

  async #once<T>(key: string, fn: () => T | Promise<T>, options?: OnceOptions): Promise<T> {
    const call = this.#keep(async () => toKeptJson(await fn(), `ctx.once(${JSON.stringify(key)})`));
    return (await this.#ask("once", key, call, options ?? {})) as T; // why: as above
  }

  /** In its own name: what outlasts an attempt may ask while the thread has the next one. */
  #ask(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#parts.calls.ask(name, this.run, ...args);
  }

  #keep(fn: (input: unknown) => unknown): number {
    const id = this.#functions.size + 1;
    this.#functions.set(id, fn);
    return id;
  }
}
