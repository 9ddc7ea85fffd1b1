/**
 * The beginning of a text of any length, for messages that quote what was given. Owns how a cut is
 * shown; never cuts a pair of surrogates in two, which Postgres couldn't store.
 */

/** `xxxx…`, with at most `longest` characters before the sign. */
export function shortText(text: string, longest = 60): string {
  return text.length <= longest ? text : `${text.slice(0, longest).replace(halfPair, "")}…`;
}

/** In quotes; of a text that was cut, how long it is: `"xxxx…" (100000 characters)`. */
export function quotedText(text: string, longest = 60): string {
  if (text.length <= longest) return JSON.stringify(text);
  return `${JSON.stringify(shortText(text, longest))} (${text.length} characters)`;
}

/** Faults as one text, "a; b; and 3 more": the first ones, as many as a person reads. */
export function listFaults(faults: readonly string[]): string {
  const shown: string[] = [];
  let length = 0;
  for (const fault of faults) {
    const text = shortText(fault, longestFault);
    length += text.length;
    if (shown.length > 0 && (shown.length === mostFaults || length > longestList)) break;
    shown.push(text);
  }
  const more = faults.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

const mostFaults = 20;
const longestFault = 600;
const longestList = 2_000;
const halfPair = /[\ud800-\udbff]$/;
