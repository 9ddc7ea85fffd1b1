/** Any value at all as a few words on one line, for messages that say what was given. */

/** Never throws; BigInts, circles and objects that can't be read have words too. */
export function showValue(value: unknown, longest = 80): string {
  const text = wordsFor(value);
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}

function wordsFor(value: unknown): string {
  switch (typeof value) {
    case "function":
      return "a function";
    case "bigint":
      return `${value}n`;
    case "string":
      // Cut before it is quoted: it may have 50 MB.
      return JSON.stringify(value.length > 1_000 ? value.slice(0, 1_000) : value);
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
