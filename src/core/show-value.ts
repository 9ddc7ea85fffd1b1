/** Any value at all as a few words on one line, for messages that say what was given. */

import { shortText } from "./short-text.ts";

/** Never throws; BigInts, circles and objects that can't be read have words too. */
export function showValue(value: unknown, longest = 80): string {
  if (typeof value === "string") return quoted(value, longest);
  return shortText(wordsFor(value), longest - 1);
}

/** Of a text that is cut, how long it is belongs to the longest too. */
function quoted(text: string, longest: number): string {
  // Cut before it is quoted: it may have 50 MB.
  const whole = text.length > longest ? null : JSON.stringify(text);
  if (whole !== null && whole.length <= longest) return whole;
  const length = ` (${text.length} characters)`;
  let shown = shortText(text, longest);
  // Quoted it is longer by its escapes.
  for (let most = longest - length.length - 3; most > 0; most -= 1) {
    shown = JSON.stringify(shortText(text, most)) + length;
    if (shown.length <= longest) break;
  }
  return shown;
}

function wordsFor(value: unknown): string {
  switch (typeof value) {
    case "function":
      return "a function";
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : wordsForObject(value);
    default:
      return String(value);
  }
}

function wordsForObject(value: object): string {
  try {
    if (value instanceof Date) {
      return Number.isNaN(value.getTime()) ? "an invalid Date" : value.toISOString();
    }
    return JSON.stringify(value) ?? Object.prototype.toString.call(value);
  } catch {
    return tagOf(value);
  }
}

function tagOf(value: object): string {
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return "an object that can't be read";
  }
}
