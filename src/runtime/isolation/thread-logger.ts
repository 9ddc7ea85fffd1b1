/** `ctx.log` in a handler's thread: its lines are written by the process, as any other's. */

import { carefulJson } from "../../core/careful-json.ts";
import type { Logger, LogMethod } from "../../core/logger.ts";
import type { LogLine } from "./thread-messages.ts";
import { toWire, type Wire } from "./wire-error.ts";

const levels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

type Level = (typeof levels)[number];

/** Lines at info and above are kept with the job, whatever the log's own level is. */
const leastKept = levels.indexOf("info");

export class ThreadLogger implements Logger {
  readonly level: string;
  readonly trace = this.#method("trace");
  readonly debug = this.#method("debug");
  readonly info = this.#method("info");
  readonly warn = this.#method("warn");
  readonly error = this.#method("error");
  readonly fatal = this.#method("fatal");
  readonly #bindings: Record<string, unknown>;
  readonly #write: (line: LogLine) => void;

  constructor(
    level: string,
    write: (line: LogLine) => void,
    bindings: Record<string, unknown> = {},
  ) {
    this.level = level;
    this.#write = write;
    this.#bindings = bindings;
  }

  child(fields: Record<string, unknown>): Logger {
    return new ThreadLogger(this.level, this.#write, { ...this.#bindings, ...fields });
  }

  isLevelEnabled(level: string): boolean {
    const order: readonly string[] = levels;
    const least = order.indexOf(this.level);
    return least !== -1 && order.indexOf(level) >= least;
  }

  #method(level: Level): LogMethod {
    return (...args: unknown[]) => {
      if (levels.indexOf(level) < leastKept && !this.isLevelEnabled(level)) return;
      const bindings = Object.fromEntries(
        Object.entries(this.#bindings).map(([key, value]) => [key, sendable(value)]),
      );
      this.#write({ level, bindings, args: args.map(sendable) });
    };
  }
}

/** An error in a line, so that it can be told from data on the other side. */
export interface SentError {
  readonly $error: Wire;
}

/** What of a line's arguments can be sent: errors with all they have, the rest as a clone. */
function sendable(value: unknown): unknown {
  if (value instanceof Error) return { $error: toWire(value) } satisfies SentError;
  if (typeof value !== "object" || value === null) {
    return typeof value === "function" || typeof value === "symbol" ? String(value) : value;
  }
  const hasError = Object.values(value).some((each) => each instanceof Error);
  const plain = hasError
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, sendable(each)]))
    : value;
  try {
    // Of a class, JSON would show what its toJSON says: so does the log.
    return "toJSON" in plain ? JSON.parse(carefulJson(plain).json) : structuredClone(plain);
  } catch {
    return JSON.parse(carefulJson(plain).json);
  }
}
