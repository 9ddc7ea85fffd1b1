/**
 * Serialises a handler's output, once, to text that Postgres's jsonb takes. Work that is done
 * must not fail because of what it returned: what JSON has no word for is kept as well as it can
 * be (`careful-json`), and what was changed is told.
 */

import { carefulJson } from "./careful-json.ts";

/** Characters of JSON; what is larger belongs into a table or a file, not into a job's history. */
export const longestOutput = 1_000_000;

/** How much of a larger output is shown in its place. */
const shownOfTooLong = 1_000;

/**
 * The output as JSON text; null for undefined, null and what JSON has no word for as a whole.
 * NUL characters and lone surrogates, which jsonb refuses, become U+FFFD. Never throws.
 *
 * @param tell hears, in a sentence, when what is kept is not what was returned
 */
export function toOutputJson(output: unknown, tell?: (change: string) => void): string | null {
  if (output === undefined || output === null) return null;
  const json = storableJson(output, tell);
  if (json.length <= longestOutput) return json === "null" ? null : json;
  tell?.(`it has ${json.length} characters of JSON, more than ${longestOutput}: cut`);
  const start = withoutRefused(JSON.stringify(json.slice(0, shownOfTooLong).toWellFormed()));
  return `{"$cut":"${json.length} characters of JSON","$start":${start}}`;
}

/** Whether jsonb takes every string in this text of JSON.stringify. */
export function isStorableJson(json: string): boolean {
  return json.search(refused) === -1;
}

// JSON.stringify writes \ud… only for lone surrogates. An even run of backslashes before the
// escape belongs to the text, not to it.
const refused = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;

function storableJson(output: unknown, tell: ((change: string) => void) | undefined): string {
  const json = plainJson(output);
  // An empty object may be a Map, a Set or an error, of which JSON keeps nothing.
  if (json !== null && !json.includes("{}")) return withoutRefused(json);
  const careful = carefulJson(output);
  if (careful.changes.length === 0 && json !== null) return withoutRefused(json);
  const more = careful.more > 0 ? `, and ${careful.more} more` : "";
  if (careful.changes.length > 0) tell?.(careful.changes.join(", ") + more);
  return withoutRefused(careful.json);
}

/** Null when JSON can't say it, or would show no more of it than a few fields. */
function plainJson(output: unknown): string | null {
  try {
    if (output instanceof Error) return null;
    return JSON.stringify(output) ?? null;
  } catch {
    return null;
  }
}

function withoutRefused(json: string): string {
  return json.includes("\\u") ? json.replaceAll(refused, "$1\\ufffd") : json;
}
