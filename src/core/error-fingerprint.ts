/**
 * Tells whether two errors are the same fault: what differs from one occurrence to the next
 * (numbers, ids, quoted values) is left out of the message, and lines and folders out of the place.
 */

import { createHash } from "node:crypto";

export interface SeenError {
  readonly task: string;
  readonly name: string | null;
  readonly message: string;
  readonly stack: string | null;
}

/** Ten hex digits; the same on every machine and for every version of the code's lines. */
export function errorFingerprint(error: SeenError): string {
  const { task, name, message, stack } = error;
  const parts = [task, name ?? "", normalisedMessage(message), userFrame(stack) ?? ""];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 10);
}

const longestMessage = 500;

const variable: readonly (readonly [pattern: RegExp, word: string])[] = [
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, "<id>"],
  [/"[^"\n]*"|`[^`\n]*`|(?<!\w)'[^'\n]*'(?!\w)/g, "<text>"],
  [/[^\s@<>()[\]:;,]+@[^\s@<>()[\]:;,]+/g, "<address>"],
  [/\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b/gi, "<hex>"],
  [/\d+(?:[.,]\d+)*/g, "<n>"],
];

/** The message's first line without what varies. */
export function normalisedMessage(message: string): string {
  const [line = ""] = message.slice(0, longestMessage).split("\n");
  return variable.reduce((text, [pattern, word]) => text.replace(pattern, word), line).trim();
}

const notTheUsers = /node_modules|\(?node:|<anonymous>|\bnative\b/;

/** The topmost frame in the user's code: function and file, without line and folder. */
export function userFrame(stack: string | null): string | null {
  for (const line of stack?.split("\n") ?? []) {
    const frame = /^\s+at (?:(?:async |new )*(.*?) \()?([^()]+?)\)?$/.exec(line);
    if (frame === null || notTheUsers.test(line)) continue;
    const [, called = "", place = ""] = frame;
    // A method's name depends on how it was called: "Object.charge [as handler]".
    const name = called.replace(/^Object\./, "").replace(/ \[as .*\]$/, "");
    // Watch mode's reloaded modules carry a version.
    const file = place.replace(/(?::\d+){1,2}$/, "").replace(/[?#].*$/, "");
    const tail = file.split(/[\\/]/).slice(-2).join("/");
    return name === "" ? tail : `${name} ${tail}`;
  }
  return null;
}
