/**
 * A job's payload as JSON. It must reach the handler as it was given, so what JSON would drop or
 * change without a word is refused, with its place: the caller can still mend it. Left out as
 * JSON does: properties that are undefined. Taken as they say of themselves: objects with
 * `toJSON`, such as a Date.
 */

import { formatPath } from "./schema-issues.ts";
import { shortText } from "./short-text.ts";

/** Characters of JSON; what is larger belongs into a table or a file, and its place into a job. */
export const longestPayload = 10_000_000;

/** Far more levels than data has, far fewer than what JSON.stringify or Postgres fails at. */
export const deepestPayload = 1_000;

export type PayloadJson =
  | { readonly ok: true; readonly json: string }
  /** "a BigInt at $.total": what is wrong, and where. */
  | { readonly ok: false; readonly fault: string };

/** Never throws. */
export function toPayloadJson(payload: unknown): PayloadJson {
  try {
    const fault = firstFault(payload, [], new Set());
    if (fault !== null) return { ok: false, fault };
    const json: string | undefined = JSON.stringify(payload);
    // Another answer than a moment ago, of a toJSON that counts its calls.
    if (json === undefined) return { ok: false, fault: "a toJSON that returns undefined, at $" };
    if (json.length <= longestPayload) return { ok: true, json };
    return { ok: false, fault: `${json.length} characters of JSON, more than ${longestPayload}` };
  } catch (error) {
    if (error instanceof UnreadableError) return { ok: false, fault: error.message };
    return { ok: false, fault: `a value that can't be read (${messageOf(error)})` };
  }
}

/** Why Postgres can't store the text; null when it can. */
export function faultOfText(text: string): string | null {
  if (text.includes("\0")) return "a NUL character";
  return text.isWellFormed() ? null : "half of a surrogate pair";
}

type Path = readonly PropertyKey[];

/** What the payload's own code threw, with the place. */
class UnreadableError extends Error {}

function firstFault(given: unknown, path: Path, above: Set<object>): string | null {
  const value = asItSays(given, path);
  switch (typeof value) {
    case "string": {
      const fault = faultOfText(value);
      return fault === null ? null : `${fault}, which Postgres can't store, at ${formatPath(path)}`;
    }
    case "number":
      return Number.isFinite(value)
        ? null
        : `${value}, which JSON has no word for, at ${formatPath(path)}`;
    case "bigint":
      return `a BigInt, which JSON has no word for, at ${formatPath(path)}`;
    case "object":
      return value === null ? null : faultOfObject(value, path, above);
    case "boolean":
      return null;
    default:
      return `${typeof value}, which JSON would leave out, at ${formatPath(path)}`;
  }
}

/** As JSON.stringify asks a value what to write for it. */
function asItSays(value: unknown, path: Path): unknown {
  if ((typeof value !== "object" || value === null) && typeof value !== "bigint") return value;
  const toJson = readFrom(value, "toJSON", path);
  if (typeof toJson !== "function") return value;
  // A Date that is none says null.
  if (Object.prototype.toString.call(value) === "[object Date]" && Number.isNaN(Number(value))) {
    return Number.NaN;
  }
  try {
    return toJson.call(value, String(path.at(-1) ?? ""));
  } catch (error) {
    throw new UnreadableError(`a toJSON that throws (${messageOf(error)}), at ${formatPath(path)}`);
  }
}

/** A getter is the payload's own code, and so is a proxy. */
function readFrom(value: object | bigint, key: string, path: Path): unknown {
  try {
    return Reflect.get(Object(value), key, value);
  } catch (error) {
    const place = formatPath(key === "toJSON" ? path : [...path, key]);
    throw new UnreadableError(`a value that can't be read (${messageOf(error)}), at ${place}`);
  }
}

/** Things whose content JSON doesn't see. */
const unseen: ReadonlySet<string> = new Set(
  ["Map", "Set", "WeakMap", "WeakSet", "Promise", "RegExp", "Error", "ArrayBuffer", "DataView"].map(
    (kind) => `[object ${kind}]`,
  ),
);

function faultOfObject(value: object, path: Path, above: Set<object>): string | null {
  if (above.has(value)) return `a circular reference at ${formatPath(path)}`;
  if (path.length >= deepestPayload)
    return `more than ${deepestPayload} levels at ${formatPath(path)}`;
  const tag = Object.prototype.toString.call(value);
  if (unseen.has(tag) || ArrayBuffer.isView(value)) {
    return `${tag.slice(8, -1)}, whose content JSON doesn't keep, at ${formatPath(path)}`;
  }
  above.add(value);
  const fault = Array.isArray(value)
    ? faultInArray(value, path, above)
    : faultInProperties(value, path, above);
  above.delete(value);
  return fault;
}

function faultInArray(values: readonly unknown[], path: Path, above: Set<object>): string | null {
  // Not forEach or the like: these skip holes, which JSON makes null of.
  for (let index = 0; index < values.length; index += 1) {
    const fault = firstFault(values[index], [...path, index], above);
    if (fault !== null) return fault;
  }
  return null;
}

function faultInProperties(value: object, path: Path, above: Set<object>): string | null {
  for (const key of Object.keys(value)) {
    const entry = readFrom(value, key, path);
    if (entry === undefined) continue;
    const fault = faultOfText(key);
    if (fault !== null)
      return `${fault}, which Postgres can't store, in a name at ${formatPath(path)}`;
    const within = firstFault(entry, [...path, key], above);
    if (within !== null) return within;
  }
  return null;
}

function messageOf(error: unknown): string {
  try {
    return shortText(error instanceof Error ? error.message : String(error), 200);
  } catch {
    return "and what it throws neither";
  }
}
