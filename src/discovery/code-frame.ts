/** A few source lines with the place marked. Owns the drawing; refuses colours. */

import type { Position } from "./source-location.ts";

const linesAround = 2;
const maxWidth = 160;

/**
 * Draws the lines around `place`:
 *
 *       1 | import { send } from "./mail.ts";
 *     > 2 | import { pool } from "./db.ts";
 *         |          ^
 */
export function codeFrame(source: string, place: Position): string {
  const lines = source.split(/\r\n|[\n\r\u2028\u2029]/);
  const first = Math.max(1, place.line - linesAround);
  const last = Math.min(lines.length, place.line + linesAround);
  const digits = String(last).length;
  const drawn: string[] = [];
  for (let number = first; number <= last; number += 1) {
    const text = lines[number - 1] ?? "";
    const marker = number === place.line ? ">" : " ";
    drawn.push(`${marker} ${String(number).padStart(digits)} | ${cut(text)}`.trimEnd());
    if (number !== place.line) continue;
    // Tabs stay tabs, so that the mark is under its character whatever their width is.
    const indent = cut(text.slice(0, place.column - 1)).replaceAll(/[^\t]/g, " ");
    drawn.push(`  ${" ".repeat(digits)} | ${indent}^`);
  }
  return drawn.join("\n");
}

function cut(text: string): string {
  return text.length > maxWidth ? `${text.slice(0, maxWidth)}…` : text;
}
