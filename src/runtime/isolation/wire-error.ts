/**
 * Carries what was thrown between a handler's thread and the process, so that it is classified
 * there as if it had been thrown there: name, message, stack, fields, causes and what it asks
 * for. Its class is kept only where both sides know it by name: JavaScript's own and ours.
 */

import { readProperty } from "../../core/error-chain.ts";
import { toFailure } from "../../core/failure.ts";
import * as taskErrors from "../../core/task-errors.ts";

export interface WireError {
  readonly message: string;
  readonly stack: string | null;
  /** Own fields that can be cloned; `name` among them where it is one. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly className: string;
  readonly intent: taskErrors.Intent | null;
  readonly cause: Wire | null;
  readonly errors: readonly Wire[] | null;
}

/** An error, or anything else that can be thrown. */
export type Wire =
  | { readonly error: WireError; readonly original?: number }
  | { readonly thrown: unknown; readonly original?: number };

const deepest = 5;
const mostFields = 50;
const longestMessage = 1_000_000;
const notFields = new Set(["message", "stack", "cause", "errors"]);

/** Never throws. `original` finds the thing itself again where it comes back to this side. */
export function toWire(thrown: unknown, original?: number, depth = 0): Wire {
  const mark = original === undefined ? {} : { original };
  try {
    if (thrown instanceof Error) return { error: wireError(thrown, depth), ...mark };
    return { thrown: structuredClone(thrown), ...mark };
  } catch {
    const { message, name, stack } = toFailure(thrown, "default");
    const fields = name === "NonError" ? {} : { name };
    const parts = { intent: taskErrors.intentOf(thrown), cause: null, errors: null };
    return { error: { message, stack, fields, className: "Error", ...parts }, ...mark };
  }
}

/** What was thrown, or the likest thing to it. */
export function fromWire(wire: Wire): unknown {
  if ("thrown" in wire) return wire.thrown;
  const { message, stack, fields, className, intent, cause, errors } = wire.error;
  const error = new Error(message, cause === null ? undefined : { cause: fromWire(cause) });
  const known = classes.get(className);
  if (known !== undefined) Object.setPrototypeOf(error, known);
  if (errors !== null) {
    Object.defineProperty(error, "errors", { value: errors.map(fromWire), enumerable: false });
  }
  const own = { value: stack ?? `${className}: ${message}`, configurable: true, writable: true };
  Object.defineProperty(error, "stack", own);
  Object.assign(error, fields);
  return intent === null ? error : taskErrors.withIntent(error, intent);
}

function wireError(error: Error, depth: number): WireError {
  const stack = readProperty(error, "stack");
  const cause = readProperty(error, "cause");
  const errors = readProperty(error, "errors");
  const below = depth + 1;
  const goesOn = below < deepest;
  return {
    message: String(error.message).slice(0, longestMessage),
    stack: typeof stack === "string" ? stack.slice(0, longestMessage) : null,
    fields: fieldsOf(error),
    className: classNameOf(error),
    intent: taskErrors.intentOf(error),
    cause: goesOn && cause !== undefined ? toWire(cause, undefined, below) : null,
    errors:
      goesOn && Array.isArray(errors)
        ? errors.slice(0, mostFields).map((each) => toWire(each, undefined, below))
        : null,
  };
}

function fieldsOf(error: Error): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(error).slice(0, mostFields)) {
    if (notFields.has(key)) continue;
    try {
      fields[key] = structuredClone(Reflect.get(error, key));
    } catch {
      // What can't be cloned means nothing on the other side.
    }
  }
  // Of a class that sets it on its prototype, or not enumerably.
  if (error.name !== "Error") fields.name ??= error.name;
  return fields;
}

function classNameOf(error: Error): string {
  const name: unknown = readProperty(readProperty(error, "constructor"), "name");
  return typeof name === "string" ? name : "Error";
}

const builtIn = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

/** Prototypes by the names of their classes. */
const classes: ReadonlyMap<string, object> = new Map(
  [...builtIn, AggregateError, ...Object.values(taskErrors)]
    .filter((each) => typeof each === "function" && each.prototype instanceof Error)
    .map((each) => [each.name, each.prototype]),
);
