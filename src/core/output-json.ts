/** Serialises a handler's output, once, to text that Postgres's jsonb takes. */

import { formatPath } from "./schema-issues.ts";
import { InvalidOutputError } from "./task-errors.ts";

/**
 * The output as JSON text; null for undefined, null and what JSON has no word for.
 * NUL characters and lone surrogates, which jsonb refuses, become U+FFFD.
 *
 * @throws InvalidOutputError that says where the output can't be serialised
 */
export function toOutputJson(output: unknown): string | null {
  if (output === undefined || output === null) return null;
  let json: string | undefined;
  try {
    json = JSON.stringify(output);
  } catch (error) {
    const what = culprit(output, error);
    throw new InvalidOutputError(`the output can't be kept as JSON: ${what}`, { cause: error });
  }
  if (json === undefined) return null;
  return json.includes("\\u") ? json.replaceAll(refused, "$1\\ufffd") : json;
}

/** Whether jsonb takes every string in this text of JSON.stringify. */
export function isStorableJson(json: string): boolean {
  return json.search(refused) === -1;
}

// JSON.stringify writes \ud… only for lone surrogates. An even run of backslashes before the
// escape belongs to the text, not to it.
const refused = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;

function culprit(output: unknown, error: unknown): string {
  const found = firstBad(output, [], new Set());
  if (found !== null) return found;
  return error instanceof Error ? error.message : "toJSON threw";
}

/** Finds what JSON.stringify stumbled over, for the message only. */
function firstBad(value: unknown, path: PropertyKey[], above: Set<object>): string | null {
  if (typeof value === "bigint") return `a BigInt at ${formatPath(path)}`;
  if (typeof value !== "object" || value === null) return null;
  if (above.has(value)) return `a circular reference at ${formatPath(path)}`;
  if (path.length > 100) return null;
  above.add(value);
  try {
    for (const [key, entry] of Object.entries(value)) {
      const step = Array.isArray(value) ? Number(key) : key;
      const found = firstBad(entry, [...path, step], above);
      if (found !== null) return found;
    }
  } catch {
    return null;
  }
  above.delete(value);
  return null;
}
