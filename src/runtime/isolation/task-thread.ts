/**
 * One thread that runs the handler of one version of a task, an attempt at a time: the process's
 * end. Owns what is said to it and what becomes of an attempt whose thread ends; when threads are
 * made and ended is `handler-threads`.
 */

import { Worker } from "node:worker_threads";
import { TaskrunError } from "../../core/errors.ts";
import { loggable, toFailure } from "../../core/failure.ts";
import { fromKeptJson } from "../../core/kept-json.ts";
import type { Logger } from "../../core/logger.ts";
import { type Directive, directiveBrand } from "../../core/outcome.ts";
import type { Task } from "../../core/task.ts";
import { StrayError } from "../../core/task-errors.ts";
import type { CompletedSettlement } from "../../store/queue/settlement.ts";
import type { Attempt } from "../attempt/attempt.ts";
import type { Completion } from "../settling/completion.ts";
import { postSafely, ThreadCalls } from "./thread-calls.ts";
import type { FromThread, Returned, StepParts, ThreadData, ToThread } from "./thread-messages.ts";
import { fromWire, toWire } from "./wire-error.ts";
import { writeThreadLine } from "./write-thread-line.ts";

export interface TaskThreadOptions {
  readonly task: Task;
  readonly data: ThreadData;
  readonly logger: Logger;
  readonly completion: Completion;
  /** It can run nothing any more. */
  readonly onExit: (thread: TaskThread) => void;
}

/** The attempt that a thread has, until another one has it. */
interface Run {
  readonly number: number;
  readonly attempt: Attempt;
  readonly result: PromiseWithResolvers<unknown>;
  /** Of a batch. */
  entries: PromiseWithResolvers<unknown>[];
  pendingEntries: number;
  /** Whether its handler has said how it ended. */
  ended: boolean;
}

/** What a thread says of the attempt that it has. */
type OfRun = Extract<FromThread, { kind: "log" | "progress" | "returned" | "threw" | "entry" }>;

/**
 * What lives on moves from the young generation to the old in one go, and at the limit Node has
 * 16 MB to spare, in which to end the thread: whatever is beyond ends the process instead. Half of
 * this is what can move.
 */
const maxYoungGenerationSizeMb = 24;

export class TaskThread {
  readonly task: Task;
  readonly #options: TaskThreadOptions;
  readonly #worker: Worker;
  readonly #calls: ThreadCalls;
  readonly #ready = Promise.withResolvers<void>();
  #run: Run | null = null;
  #runs = 0;
  #end: unknown = null;
  #gone = false;

  constructor(options: TaskThreadOptions) {
    this.#options = options;
    this.task = options.task;
    const maxOldGenerationSizeMb = options.task.policies.isolate?.memoryMb ?? null;
    // The same folder before and after compilation, but for the file's ending.
    const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./handler-thread.${ending}`, import.meta.url), {
      workerData: options.data,
      name: options.task.name,
      ...(maxOldGenerationSizeMb !== null && {
        resourceLimits: { maxOldGenerationSizeMb, maxYoungGenerationSizeMb },
      }),
    });
    this.#ready.promise.catch(() => {});
    this.#calls = new ThreadCalls({
      post: (message) => this.#post(message),
      answers: {
        enqueue: (task: string, payload: unknown, given: object) =>
          this.#attempt().enqueue(task, payload, given),
        beginCompletion: (run: number, output: unknown) =>
          this.#completion().begin(this.#attempt(run), output),
        completionWritten: (run: number, settlement: CompletedSettlement) =>
          this.#completion().written(this.#attempt(run), settlement),
        parentEnds: (ids: readonly string[]) => this.#attempt().parentEnds(ids),
        step: (run: number, name: string, parts: StepParts) => this.#step(run, name, parts),
        once: (run: number, key: string, call: number, given: object) =>
          this.#attempt(run).once.run(key, () => this.#call(run, call), given),
      },
    });
    this.#worker.on("message", (message: FromThread) => this.#take(message));
    this.#worker.on("error", (error) => {
      this.#end = error;
    });
    this.#worker.on("exit", (code) => this.#exited(code));
    this.#worker.unref();
  }

  /** Whether it still runs, or may run, an attempt's code. */
  get busy(): boolean {
    return this.#run !== null && !this.#run.ended;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Resolves when the task is loaded in it. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Runs the attempt's handler: settles as it does, or rejects when the thread ends. */
  async run(attempt: Attempt): Promise<unknown> {
    this.#runs += 1;
    const run: Run = {
      number: this.#runs,
      attempt,
      result: Promise.withResolvers(),
      entries: [],
      pendingEntries: 0,
      ended: false,
    };
    run.result.promise.catch(() => {});
    this.#run = run;
    await this.#ready.promise.catch((error) => {
      run.ended = true;
      throw error;
    });
    const { signal, stopReason } = attempt;
    const abort = () =>
      this.#post({ kind: "abort", run: run.number, reason: toWire(signal.reason) });
    signal.addEventListener("abort", abort, { once: true });
    this.#post({
      kind: "run",
      run: run.number,
      job: attempt.ctx.job,
      fields: attempt.logFields(),
      logLevel: attempt.logger.level,
      stopReason: stopReason === null ? null : toWire(stopReason),
    });
    return run.result.promise;
  }

  /** The attempt that it had is over: nothing of it counts any more. */
  forget(): void {
    this.#run = null;
  }

  /** Ends it, whatever it is doing. Resolves when its code runs no more. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #take(message: FromThread): void {
    const run = "run" in message && this.#run?.number === message.run ? this.#run : null;
    if (message.kind === "call" || message.kind === "answer") this.#calls.take(message);
    else if (message.kind === "ready") this.#ready.resolve();
    else if (message.kind === "unloadable") this.#refuse(message.reason);
    else if (message.kind === "stray") this.#stray(message);
    else if (run !== null) this.#ofRun(run, message);
  }

  #refuse(reason: string): void {
    const { name } = this.task;
    this.#ready.reject(new Error(`the task ${name} can't be loaded in a thread: ${reason}`));
    void this.terminate();
  }

  #ofRun(run: Run, message: OfRun): void {
    if (message.kind === "log") writeThreadLine(run.attempt.ctx.log, message.line);
    else if (message.kind === "progress") run.attempt.report(message.progress);
    else if (message.kind === "threw") {
      run.ended = true;
      run.result.reject(fromWire(message.error));
    } else if (message.kind === "returned") {
      run.result.resolve(this.#returned(run, message.returned));
      run.ended = run.pendingEntries === 0;
    } else {
      const entry = run.entries[message.index];
      if (message.error === undefined) entry?.resolve(message.value);
      else entry?.reject(fromWire(message.error));
      run.pendingEntries -= 1;
      run.ended = run.pendingEntries === 0;
    }
  }

  #returned(run: Run, returned: Returned): unknown {
    switch (returned.what) {
      case "value":
        return returned.value;
      case "json":
        return returned.json === null ? null : JSON.parse(returned.json);
      case "directive":
        return { [directiveBrand]: returned.kind, ...returned.rest } satisfies Directive;
      default: {
        run.entries = Array.from({ length: returned.length }, () => Promise.withResolvers());
        run.pendingEntries = returned.length;
        const promises = run.entries.map(({ promise }) => promise);
        for (const promise of promises) promise.catch(() => {});
        return promises;
      }
    }
  }

  #step(run: number, name: string, { call, undo, secret }: StepParts): Promise<unknown> {
    const attempt = this.#attempt(run);
    const compensate = (result: unknown) => {
      this.#post({ kind: "renew", run });
      return this.#call(run, undo ?? 0, result);
    };
    const options = { secret: secret === true, ...(undo !== null && { compensate }) };
    return attempt.steps.run(name, () => this.#call(run, call), options);
  }

  /** Runs a function of a step in the thread. */
  async #call(run: number, id: number, input?: unknown): Promise<unknown> {
    const json = await this.#calls.ask("call", run, id, input);
    return typeof json === "string" ? fromKeptJson(json) : undefined;
  }

  #stray({ run, fields, error }: Extract<FromThread, { kind: "stray" }>): void {
    const thrown = fromWire(error);
    const current = this.#run;
    const fails = current?.number === run && !current.ended && current.attempt.stopReason === null;
    const err = loggable(toFailure(thrown, "default"));
    const then = fails ? ": its attempt fails" : "; its attempt had ended";
    this.#options.logger.error({ ...fields, err }, `an error that nobody caught${then}`);
    if (fails) current?.attempt.abort(new StrayError(thrown));
  }

  #exited(code: number): void {
    this.#gone = true;
    const error = this.#end === null ? exitError(code) : endError(this.#end, this.task);
    this.#ready.reject(error);
    this.#calls.fail(error);
    const run = this.#run;
    if (run !== null && !run.ended) {
      run.ended = true;
      // How its steps are undone went with the thread: the next attempt says it again.
      run.attempt.left = true;
      run.result.reject(error);
      for (const entry of run.entries) entry.reject(error);
    }
    this.#options.onExit(this);
  }

  #completion(): Completion {
    return this.#options.completion;
  }

  /** `run`: of that number, and not of whatever the thread has by now. */
  #attempt(run?: number): Attempt {
    if (this.#run === null || (run ?? this.#run.number) !== this.#run.number) {
      throw new Error("the attempt is over");
    }
    return this.#run.attempt;
  }

  #post(message: ToThread): void {
    if (!this.#gone) postSafely((safe: ToThread) => this.#worker.postMessage(safe), message);
  }
}

function exitError(code: number): Error {
  return new TaskrunError(
    "process-exit",
    `process.exit(${code}) was called in its handler's thread`,
  );
}

function endError(error: unknown, { policies }: Task): Error {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ERR_WORKER_OUT_OF_MEMORY") {
    return new Error("the handler's thread failed", { cause: error });
  }
  const limit = policies.isolate?.memoryMb ?? null;
  const message = limit === null ? "all memory there was" : `more memory than its ${limit} MB`;
  return Object.assign(new Error(`the handler used ${message}`), { name: "MemoryLimitError" });
}
