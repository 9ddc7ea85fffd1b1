/**
 * The other end of a `TaskThread`: loads one task by Node's own import, and runs its handler, one
 * attempt at a time, each with the whole context. Decides nothing: what came of it is told.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { Pool } from "pg";
import { directiveBrand, isDirective } from "../../core/outcome.ts";
import { toOutputJson } from "../../core/output-json.ts";
import { isPromiseLike } from "../../core/promise-like.ts";
import { unwrapResult } from "../../core/result.ts";
import { formatIssues } from "../../core/schema-issues.ts";
import type { Task } from "../../core/task.ts";
import { PayloadSchemaError } from "../../core/task-errors.ts";
import { NativeLoader } from "../../discovery/native-loader.ts";
import { createHandlerPool } from "../../store/pools.ts";
import { ThreadAttempt } from "./thread-attempt.ts";
import { postSafely, ThreadCalls } from "./thread-calls.ts";
import { ThreadLogger } from "./thread-logger.ts";
import type { FromThread, Returned, RunMessage, ThreadData, ToThread } from "./thread-messages.ts";
import { fromWire, toWire } from "./wire-error.ts";

export class HandlerThread {
  readonly #data: ThreadData;
  readonly #port: MessagePort;
  readonly #task: Task;
  readonly #calls: ThreadCalls;
  /** The attempt that something belongs to, also what it leaves behind. */
  readonly #scope = new AsyncLocalStorage<RunMessage>();
  #attempt: ThreadAttempt | null = null;
  #pool: Pool | null = null;

  constructor(data: ThreadData, port: MessagePort, task: Task) {
    this.#data = data;
    this.#port = port;
    this.#task = task;
    this.#calls = new ThreadCalls({
      post: (message) => port.postMessage(message),
      keepsOriginals: true,
      answers: {
        call: (run: number, id: number, input: unknown) => this.#callFunction(run, id, input),
      },
    });
    process.on("unhandledRejection", (reason) => this.#stray(reason));
    process.on("uncaughtException", (error) => this.#stray(error));
  }

  start(): void {
    this.#port.on("message", (message: ToThread) => this.#take(message));
    this.#post({ kind: "ready" });
  }

  #take(message: ToThread): void {
    if (message.kind === "run") void this.#scope.run(message, () => this.#run(message));
    else if (message.kind === "call" || message.kind === "answer") this.#calls.take(message);
    else if (this.#attempt?.run !== message.run) return;
    else if (message.kind === "abort") this.#attempt.abort(fromWire(message.reason));
    else this.#attempt.renew();
  }

  /** The process may come to it only after the attempt: numbers begin anew with each. */
  #callFunction(run: number, id: number, input: unknown): unknown {
    if (this.#attempt?.run !== run) throw new Error("the attempt is over");
    return this.#attempt.callFunction(id, input);
  }

  async #run(message: RunMessage): Promise<void> {
    const { run } = message;
    this.#calls.forgetOriginals();
    const attempt = new ThreadAttempt({
      task: this.#task,
      message,
      logger: new ThreadLogger(message.logLevel, (line) => this.#post({ kind: "log", run, line })),
      pool: () => this.#handlerPool(),
      calls: this.#calls,
      schemas: this.#data.schemas,
      report: (progress) => this.#post({ kind: "progress", run, progress }),
    });
    this.#attempt = attempt;
    try {
      attempt.payload = await this.#parsed(attempt.payload);
      const result = unwrapResult(await this.#task.handler(attempt.payload, attempt.ctx));
      this.#post({ kind: "returned", run, returned: this.#returned(attempt, result) });
      if (isBatch(attempt, result))
        for (const [index, each] of result.entries()) {
          void this.#entry(run, index, each);
        }
    } catch (thrown) {
      this.#port.postMessage({ kind: "threw", run, error: toWire(thrown) } satisfies FromThread);
    }
  }

  /** The process has found it right; here it is parsed again, since classes can't be sent. */
  async #parsed(payload: unknown): Promise<unknown> {
    const schema = this.#task.payloadSchema;
    if (schema === null) return payload;
    const checked = await schema["~standard"].validate(payload);
    if (checked.issues === undefined) return checked.value;
    throw new PayloadSchemaError(`the payload is invalid: ${formatIssues(checked.issues)}`);
  }

  #returned(attempt: ThreadAttempt, result: unknown): Returned {
    if (isDirective(result)) {
      const { delayMs, reason } = result;
      return { what: "directive", kind: result[directiveBrand], rest: { delayMs, reason } };
    }
    if (isBatch(attempt, result)) return { what: "batch", length: result.length };
    // A schema may want more than JSON can say: a Date, say.
    if (this.#task.outputSchema !== null) return { what: "value", value: result };
    const tell = (change: string) =>
      attempt.ctx.log.warn({ change }, "the output is not kept as it was returned");
    return { what: "json", json: toOutputJson(result, tell) };
  }

  async #entry(run: number, index: number, entry: unknown): Promise<void> {
    try {
      this.#post({ kind: "entry", run, index, value: unwrapResult(await entry) });
    } catch (thrown) {
      this.#post({ kind: "entry", run, index, error: toWire(thrown) });
    }
  }

  #handlerPool(): Pool {
    const { connectionString, poolSize } = this.#data;
    this.#pool ??= createHandlerPool({ connectionString, max: poolSize, onError: () => {} });
    return this.#pool;
  }

  #stray(thrown: unknown): void {
    const from = this.#scope.getStore();
    const { run, fields } = from ?? { run: 0, fields: { task: this.#data.task } };
    this.#post({ kind: "stray", run, fields, error: toWire(thrown) });
  }

  #post(message: FromThread): void {
    postSafely((safe: FromThread) => this.#port.postMessage(safe), message);
  }
}

function isBatch(attempt: ThreadAttempt, result: unknown): result is unknown[] {
  return Array.isArray(attempt.job.payload) && Array.isArray(result) && result.some(isPromiseLike);
}

async function begin(data: ThreadData, port: MessagePort): Promise<void> {
  const { projectDir, tasksDir, importTimeoutMs, task: only } = data;
  const loader = new NativeLoader({ projectDir, tasksDir, importTimeoutMs, layers: [], only });
  const { tasks, failures } = await loader.load();
  const task = tasks.get(only);
  if (task !== undefined) return new HandlerThread(data, port, task).start();
  const failure = failures.find((each) => each.task === only) ?? failures[0];
  const reason = failure === undefined ? "its file has gone" : failure.reason;
  port.postMessage({ kind: "unloadable", reason } satisfies FromThread);
}

if (parentPort !== null) await begin(workerData, parentPort);
