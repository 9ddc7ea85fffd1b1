/**
 * Knows from which attempt an error came that nobody caught: a promise that nobody awaits, a
 * timer's callback. Owns the tracing; what becomes of the process is `cli/survive-stray-errors`.
 *
 * Tracing costs an attempt about a hundred nanoseconds where Node keeps the context in a frame
 * (24 and later), and every promise of the process much more where it does not: there it begins
 * with the first such error, which can only be told by its stack then.
 */

import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { readProperty } from "../../core/error-chain.ts";
import { StrayError } from "../../core/task-errors.ts";

/** What is traced: an `Attempt`. */
export interface TracedAttempt {
  /** What `ErrorOrigins` has made for it: here, since a map of attempts costs ten times as much. */
  trace: Trace | null;
  readonly task: { readonly name: string; readonly file: string };
  readonly stopReason: Error | null;
  readonly undoes: boolean;
  logFields(): Record<string, unknown>;
  abort(reason: Error): void;
}

/** What is known of where an error came from. */
export interface ErrorOrigin {
  /** For a log line: the task, and the job where it is certain. */
  readonly fields: Record<string, unknown>;
  /** Whether its attempt was still running, and fails for it. */
  readonly fails: boolean;
}

/** What an attempt leaves in everything it starts. */
export interface Trace {
  readonly fields: Record<string, unknown>;
  /** Null once it has ended: what lives on, such as a socket, must not hold it. */
  attempt: TracedAttempt | null;
}

export class ErrorOrigins {
  #storage: AsyncLocalStorage<Trace> | null;
  /** Each attempt's context is made from this one, and left behind with it: two frames saved. */
  readonly #outside = new AsyncResource("taskrun attempts");

  /** `traced`: from the first attempt on. Default: where that is cheap. */
  constructor(traced: boolean = isCheap()) {
    this.#storage = traced ? new AsyncLocalStorage() : null;
  }

  /** Runs the attempt so that what it leaves behind can be traced to it. */
  run<A extends TracedAttempt, T>(attempt: A, run: (attempt: A) => T): T {
    const storage = this.#storage;
    if (storage === null) return run(attempt);
    const trace: Trace = { fields: attempt.logFields(), attempt };
    attempt.trace = trace;
    return this.#outside.runInAsyncScope(runTraced<A, T>, null, storage, trace, attempt, run);
  }

  /** The attempt has ended, or nobody waits for it any more. */
  ended(attempt: TracedAttempt): void {
    if (attempt.trace !== null) attempt.trace.attempt = null;
  }

  /**
   * Where an error came from that nobody caught, and fails the attempt if it still runs. To be
   * called where Node tells of the error. Null when that can't be known.
   *
   * @param running all attempts that run
   */
  claim(error: unknown, running: Iterable<TracedAttempt>): ErrorOrigin | null {
    const trace = this.#storage?.getStore();
    if (trace !== undefined) return { fields: trace.fields, fails: failFor(trace.attempt, error) };
    if (this.#storage === null) this.#storage = new AsyncLocalStorage();
    return originInStack(error, running);
  }
}

function runTraced<A extends TracedAttempt, T>(
  storage: AsyncLocalStorage<Trace>,
  trace: Trace,
  attempt: A,
  run: (attempt: A) => T,
): T {
  storage.enterWith(trace);
  return run(attempt);
}

function failFor(attempt: TracedAttempt | null, error: unknown): boolean {
  // What was told to stop already has its end; so has a job that is being undone.
  if (attempt === null || attempt.stopReason !== null || attempt.undoes) return false;
  attempt.abort(new StrayError(error));
  return true;
}

/** Only the task: another of its attempts, which has ended, may have left the error behind. */
function originInStack(error: unknown, running: Iterable<TracedAttempt>): ErrorOrigin | null {
  const stack = readProperty(error, "stack");
  if (typeof stack !== "string") return null;
  for (const { task } of running) {
    if (stack.includes(task.file)) return { fields: { task: task.name }, fails: false };
  }
  return null;
}

function isCheap(): boolean {
  const [major = 0] = process.versions.node.split(".").map(Number);
  return major >= 24 && !process.execArgv.includes("--no-async-context-frame");
}
