/**
 * Makes a handler's logger one whose lines are kept as well: still the logger it was, with every
 * method it had. Owns the copying; where the copies go is the concern of `log-writer`.
 */

import type { Logger } from "../../core/logger.ts";

const keptLevels = ["info", "warn", "error", "fatal"] as const;

type KeptLevel = (typeof keptLevels)[number];
type Arguments = readonly unknown[];

/** The methods of a logger as they were before others were put in their place. */
type Originals = Record<KeptLevel | "child", unknown>;

/**
 * Returns `log` itself, changed: what it writes at info and above is written to `copy` too,
 * whatever level `log` has. Loggers made of it by `child` do the same. `copy` must not throw.
 */
export function keptLog(log: Logger, copy: Logger): Logger {
  const { info, warn, error, fatal, child } = log;
  return copying(log, copy, { info, warn, error, fatal, child });
}

function copying(log: Logger, copy: Logger, originals: Originals): Logger {
  for (const level of keptLevels) copyLevel(log, copy, originals, level);
  const child = (...given: Arguments): Logger => {
    const made = call(originals.child, log, given) as Logger; // why: it is what `child` was
    // A child inherits what was put in its parent's place, unless it was given its own.
    const own = { ...originals };
    for (const level of keptLevels) if (Object.hasOwn(made, level)) own[level] = made[level];
    return copying(made, Reflect.apply(copy.child, copy, given), own);
  };
  return Object.defineProperty(log, "child", { value: child, configurable: true, writable: true });
}

function copyLevel(log: Logger, copy: Logger, originals: Originals, level: KeptLevel): void {
  const both = (...given: Arguments): void => {
    Reflect.apply(copy[level], copy, given);
    call(originals[level], log, given);
  };
  Object.defineProperty(log, level, {
    configurable: true,
    enumerable: true,
    get: () => both,
    // pino replaces the methods when a logger's level is set, a child's on the child.
    set(this: object, value: unknown) {
      if (this === log) originals[level] = value;
      else Object.defineProperty(this, level, { value, configurable: true, writable: true });
    },
  });
}

function call(method: unknown, log: Logger, given: Arguments): unknown {
  return typeof method === "function" ? Reflect.apply(method, log, given) : undefined;
}
