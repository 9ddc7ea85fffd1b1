/**
 * Serialises a value that code will get back as if it had just made it: the results of steps.
 * Refuses what JSON would silently change; an output, which only people and other jobs read, is
 * treated more kindly by `output-json`.
 */

import { formatPath } from "./schema-issues.ts";
import { shortText } from "./short-text.ts";
import { StepError } from "./task-errors.ts";

/**
 * The value as JSON text; null for undefined, which is kept as such. Properties that are
 * undefined are left out.
 *
 * @param what whose result it is, for the message: 'step "charge"'
 * @throws StepError that says where the value would not come back as it was
 */
export function toKeptJson(value: unknown, what: string): string | null {
  if (value === undefined) return null;
  const fault = firstFault(value, [], new Set());
  if (fault !== null) throw new StepError(`the result of ${what} can't be kept: ${fault}`);
  return JSON.stringify(value);
}

/** Far more levels than data has, far fewer than JSON.stringify fails at. */
const deepest = 1_000;

/** What `toKeptJson` made of it, back again. */
export function fromKeptJson(json: string | null): unknown {
  return json === null ? undefined : JSON.parse(json);
}

function firstFault(value: unknown, path: readonly PropertyKey[], above: Set<object>) {
  if (typeof value !== "object" || value === null) return faultOfPlain(value, path);
  if (above.has(value)) return `a circular reference at ${formatPath(path)}`;
  if (path.length >= deepest) return `more than ${deepest} levels at ${formatPath(path)}`;
  const kind = faultOfObject(value);
  if (kind !== null) return `${kind} at ${formatPath(path)}`;
  above.add(value);
  const fault = faultWithin(value, path, above);
  above.delete(value);
  return fault;
}

function faultOfPlain(value: unknown, path: readonly PropertyKey[]): string | null {
  const where = formatPath(path);
  switch (typeof value) {
    case "bigint":
      return `a BigInt at ${where}; return it as a string`;
    case "number":
      return Number.isFinite(value) ? null : `${value} at ${where}`;
    case "function":
    case "symbol":
    case "undefined":
      return `${typeof value} at ${where}`;
    default:
      return null;
  }
}

function faultOfObject(value: object): string | null {
  if (Array.isArray(value)) return null;
  if (Object.prototype.toString.call(value) === "[object Date]") {
    return "a Date, which would come back as a string (return it .toISOString()),";
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of any realm: the parent of all objects has no parent itself.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) {
    return "toJSON" in value ? "an object with toJSON" : null;
  }
  const name: unknown = value.constructor?.name;
  const kind = typeof name === "string" && name !== "" ? name : "a class";
  return `an instance of ${kind}, which would come back as a plain object,`;
}

function faultWithin(
  value: object,
  path: readonly PropertyKey[],
  above: Set<object>,
): string | null {
  const isArray = Array.isArray(value);
  // Not Object.entries: that skips the holes of an array.
  const keys = isArray ? value.keys() : Object.keys(value);
  for (const key of keys) {
    const entry = read(value, key);
    if (entry instanceof Unreadable) return `${entry.message} at ${formatPath([...path, key])}`;
    if (entry === undefined && !isArray) continue;
    const fault = firstFault(entry, [...path, key], above);
    if (fault !== null) return fault;
  }
  return null;
}

class Unreadable extends Error {}

function read(value: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(value, key);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return new Unreadable(`a value that can't be read (${shortText(why, 200)})`);
  }
}
