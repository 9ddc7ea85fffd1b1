/**
 * Takes secrets out of a log line of JSON: values of fields whose names speak of one, texts that
 * are secrets of running jobs, and passwords within addresses. Whatever wrote the line.
 */

import { liveSecrets } from "./live-secrets.ts";
import { maskedText } from "./secret.ts";
import type { SecretKeys } from "./secret-keys.ts";

// A colon is easily forgotten, and what is then no address still has the password. It begins where
// the word does: tried from each letter of a long one, it would take a second per 15,000.
const inAddress = /(?<![a-z\d+.-])([a-z\d+.-]+:?\/\/[^\s/:@"'\\]*:)[^\s/@"'\\]+@/gi;
const inQuery = /([?&][\w-]*(?:password|passwd|pwd|secret|token|key)=)[^&\s"'\\]+/gi;

/** Makes the function that masks lines; a line that has nothing to hide costs one look. */
export function lineMasker(keys: SecretKeys): (line: string) => string {
  return (line) => {
    const live = liveSecrets().foundIn(line);
    const masked = live.length > 0 || mayName(line, keys) ? rewritten(line, keys, live) : line;
    return maskAddresses(masked);
  };
}

/** Passwords in addresses such as `postgres://user:password@host`. */
export function maskAddresses(text: string): string {
  if (!text.includes("//")) return text;
  return text.replaceAll(inAddress, `$1${maskedText}@`).replaceAll(inQuery, `$1${maskedText}`);
}

/**
 * Each text of a line, to its end: a search for the names alone would begin anew at every quote in
 * a text, and go on to the line's end each time.
 */
const texts = /"([^"\\]*(?:\\[\s\S][^"\\]*)*)(?:"(:?)|\\?$)/g;

function mayName(line: string, keys: SecretKeys): boolean {
  if (!keys.mayBeIn(line)) return false;
  for (const [, name, colon] of line.matchAll(texts)) {
    if (name !== undefined && colon === ":" && keys.has(name)) return true;
  }
  return false;
}

function rewritten(
  line: string,
  keys: SecretKeys,
  live: readonly { maskValue(value: unknown): unknown; mask(text: string): string }[],
): string {
  try {
    const named: unknown = JSON.parse(line, (name, value: unknown) =>
      hides(value) && keys.has(name) ? maskedText : value,
    );
    const masked = live.reduce((value, texts) => texts.maskValue(value), named);
    return JSON.stringify(masked) + (line.endsWith("\n") ? "\n" : "");
  } catch {
    return live.reduce((text, texts) => texts.mask(text), line);
  }
}

/** What isn't there, or only says whether it is, hides nothing. */
function hides(value: unknown): boolean {
  return value !== null && value !== "" && typeof value !== "boolean";
}
