/** A log line of a handler's thread, on the process's end: `thread-logger` has sent it. */

import type { Logger } from "../../core/logger.ts";
import type { LogLine } from "./thread-messages.ts";
import { fromWire, type Wire } from "./wire-error.ts";

/** Writes it to `log` as the handler gave it, with the errors that it names. */
export function writeThreadLine(log: Logger, { level, bindings, args }: LogLine): void {
  const own = Object.keys(bindings).length === 0 ? log : log.child(received(bindings));
  Reflect.apply(
    own[level],
    own,
    args.map((arg) => received(arg)),
  );
}

/** Makes errors of what stands for them, one level deep. */
function received<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  // why: thread-logger sends nothing else under that name
  if ("$error" in value) return fromWire(value.$error as Wire) as T;
  const entries = Object.entries(value);
  if (!entries.some(([, each]) => isSentError(each))) return value;
  // why: only errors have taken the place of what stood for them
  return Object.fromEntries(entries.map(([key, each]) => [key, received(each)])) as T;
}

function isSentError(value: unknown): boolean {
  return typeof value === "object" && value !== null && "$error" in value;
}
