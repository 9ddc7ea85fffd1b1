/** One child process, as its supervisor sees it. Owns its start, its streams and its orders. */

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { DrainCounts } from "../../runtime/runtime.ts";
import { mergeLines } from "./merge-lines.ts";
import type { Duties, Identity, OrderMessage, ReportMessage } from "./messages.ts";

export interface ChildOptions {
  readonly duties: Duties;
  readonly environment: NodeJS.ProcessEnv;
  /** Whether it reads keys from the terminal. */
  readonly readsKeys: boolean;
  readonly onReport: (report: ReportMessage, child: Child) => void;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It could not even be started. */
  readonly error: Error | null;
  readonly livedMs: number;
}

export class Child {
  readonly ended: Promise<ChildEnd>;
  /** Resolves when it takes jobs; stays open when it ends before. */
  readonly working: Promise<void>;
  /** Resolves when all that it has written is passed on. */
  readonly written: Promise<unknown>;
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  readonly #working = Promise.withResolvers<void>();
  readonly #startedAtMs = performance.now();
  #identity: Identity | null = null;
  #hasWorked = false;
  #drained: DrainCounts | null = null;
  #killTimer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.working = this.#working.promise;
    this.#process = start(options);
    this.written = Promise.all([
      passOn(this.#process.stdout, process.stdout),
      passOn(this.#process.stderr, process.stderr),
    ]);
    this.ended = this.#untilEnded();
    this.#process.on("message", (report: ReportMessage) => this.#hear(report));
    this.#send({ kind: "begin", ...options.duties });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Null until it is about to take jobs. */
  get identity(): Identity | null {
    return this.#identity;
  }

  get hasWorked(): boolean {
    return this.#hasWorked;
  }

  /** Whether it was told to end. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** With --once, what it has done once nothing is due; null before. */
  get drained(): DrainCounts | null {
    return this.#drained;
  }

  pause(paused: boolean): void {
    this.#send({ kind: "pause", paused });
  }

  /** It is killed when it has not ended by then. */
  stop(by: string, withinMs: number): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#send({ kind: "stop", by });
    this.#killAfter(withinMs);
  }

  /** The same at once. */
  stopNow(by: string, withinMs: number): void {
    this.#isStopping = true;
    this.#send({ kind: "stop-now", by });
    this.#killAfter(withinMs);
  }

  #killAfter(ms: number): void {
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#process.kill("SIGKILL"), ms);
  }

  #send(order: OrderMessage): void {
    // One that has ended hears nothing, which its end tells.
    if (this.#process.connected) this.#process.send(order, () => {});
  }

  #hear(report: ReportMessage): void {
    switch (report.kind) {
      case "identity":
        this.#identity = report;
        break;
      case "working":
        this.#hasWorked = true;
        this.#working.resolve();
        break;
      case "drained":
        this.#drained = report.counts;
        break;
      default:
    }
    this.#options.onReport(report, this);
  }

  async #untilEnded(): Promise<ChildEnd> {
    const ended = Promise.withResolvers<Omit<ChildEnd, "livedMs">>();
    this.#process.on("exit", (code, signal) => ended.resolve({ code, signal, error: null }));
    this.#process.on("error", (error) => {
      // Also of an order that couldn't be sent, to one that lives or has already ended.
      if (this.pid === undefined) ended.resolve({ code: null, signal: null, error });
    });
    const end = await ended.promise;
    clearTimeout(this.#killTimer);
    return { ...end, livedMs: performance.now() - this.#startedAtMs };
  }
}

function start({ environment, readsKeys }: ChildOptions): ChildProcess {
  // The same folder before and after compilation, but for the file's ending.
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`./child-entry.${ending}`, import.meta.url));
  const [, , ...words] = process.argv;
  return spawn(process.execPath, [...nodeFlags(), entry, ...words], {
    env: environment,
    stdio: [
      readsKeys ? "inherit" : "ignore",
      streamFor(process.stdout),
      streamFor(process.stderr),
      "ipc",
    ],
  });
}

/** A debugger of its own for each: two can't have the same port. */
function nodeFlags(): readonly string[] {
  const isInspected = process.execArgv.some((flag) => /^--inspect(-brk|-wait)?(=|$)/.test(flag));
  return isInspected ? [...process.execArgv, "--inspect-port=0"] : process.execArgv;
}

/** On a terminal each writes for itself: it sees what it is, and a line comes whole anyway. */
function streamFor(stream: NodeJS.WriteStream): "inherit" | "pipe" {
  return stream.isTTY ? "inherit" : "pipe";
}

function passOn(source: Readable | null, target: NodeJS.WriteStream): Promise<void> {
  return source === null ? Promise.resolve() : mergeLines(source, target);
}
