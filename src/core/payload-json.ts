/**
 * A job's payload as JSON. It must reach the handler as it was given, so what JSON would drop or
 * change without a word is refused, with its place: the caller can still mend it. Left out as
 * JSON does: properties that are undefined. Taken as they say of themselves: objects with
 * `toJSON`, such as a Date.
 */

import { formatPath } from "./schema-issues.ts";

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
    const json = JSON.stringify(payload);
    if (json.length <= longestPayload) return { ok: true, json };
    return { ok: false, fault: `${json.length} characters of JSON, more than ${longestPayload}` };
  } catch (error) {
    return { ok: false, fault: `a value that can't be read (${messageOf(error)})` };
  }
}

/** Why Postgres can't store the text; null when it can. */
export function faultOfText(text: string): string | null {
  if (text.includes("\0")) return "a NUL character";
  return text.isWellFormed() ? null : "half of a surrogate pair";
}

type Path = readonly PropertyKey[];

function firstFault(given: unknown, path: Path, above: Set<object>): string | null {
  const value = asItSays(given, path);
  switch (typeof value) {
    case "string": {
      const fault = faultOfText(value);
      return fault === null ? null : `${fault}, which Postgres can't store, at ${shown(path)}`;
    }
    case "number":
      return Number.isFinite(value)
        ? null
        : `${value}, which JSON has no word for, at ${shown(path)}`;
    case "bigint":
      return `a BigInt, which JSON has no word for, at ${shown(path)}`;
    case "object":
      return value === null ? null : faultOfObject(value, path, above);
    case "boolean":
      return null;
    default:
      return `${typeof value}, which JSON would leave out, at ${shown(path)}`;
  }
}

/** As JSON.stringify asks a value what to write for it. */
function asItSays(value: unknown, path: Path): unknown {
  if ((typeof value !== "object" || value === null) && typeof value !== "bigint") return value;
  const toJson: unknown = Reflect.get(Object(value), "toJSON", value);
  if (typeof toJson !== "function") return value;
  // A Date that is none says null.
  if (Object.prototype.toString.call(value) === "[object Date]" && Number.isNaN(Number(value))) {
    return Number.NaN;
  }
  return toJson.call(value, String(path.at(-1) ?? ""));
}

/** Things whose content JSON doesn't see. */
const unseen: ReadonlySet<string> = new Set(
  ["Map", "Set", "WeakMap", "WeakSet", "Promise", "RegExp", "Error", "ArrayBuffer", "DataView"].map(
    (kind) => `[object ${kind}]`,
  ),
);

function faultOfObject(value: object, path: Path, above: Set<object>): string | null {
  if (above.has(value)) return `a circular reference at ${shown(path)}`;
  if (path.length >= deepestPayload) return `more than ${deepestPayload} levels at ${shown(path)}`;
  const tag = Object.prototype.toString.call(value);
  if (unseen.has(tag) || ArrayBuffer.isView(value)) {
    return `${tag.slice(8, -1)}, whose content JSON doesn't keep, at ${shown(path)}`;
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
  for (const [key, entry] of Object.entries(value)) {
    if (entry === undefined) continue;
    const fault = faultOfText(key);
    if (fault !== null) return `${fault}, which Postgres can't store, in a name at ${shown(path)}`;
    const within = firstFault(entry, [...path, key], above);
    if (within !== null) return within;
  }
  return null;
}

/** A path may have a thousand parts, and a name in it a megabyte. */
function shown(path: Path): string {
  const most = 10;
  const parts = path
    .slice(0, most)
    .map((part) => (typeof part === "string" && part.length > 60 ? `${part.slice(0, 60)}…` : part));
  return formatPath(parts) + (path.length > most ? "…" : "");
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "and what it throws neither";
  }
}
