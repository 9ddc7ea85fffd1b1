/**
 * The only place that writes to the terminal. Data goes to stdout, words for people to stderr,
 * so that a pipe gets data alone. Colours appear on a terminal only, and not under NO_COLOR.
 * A reader that goes away (`taskrun jobs | head -1`) is no error.
 */

import { styleText } from "node:util";
import { maskAddresses } from "../core/line-masker.ts";
import { printable, printableColoured } from "../core/printable.ts";

type Style = Parameters<typeof styleText>[0];

/** Data, with a line end: as it is, but that a terminal gets no control characters of others. */
export function print(text: string): void {
  write(process.stdout, text);
}

function write(stream: NodeJS.WriteStream, text: string): void {
  stream.write(`${stream.isTTY ? printableColoured(text) : text}\n`);
}

/** Data for programs: on one line, except on a terminal. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0));
}

/** Data for people: columns as wide as their widest cell. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const shown = rows.map((row) => row.map(printable));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...shown.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  print(colour("dim", line(header), process.stdout));
  for (const row of shown) print(line(row));
}

/** Empties the terminal, what was scrolled away too. */
export function clearTerminal(): void {
  if (process.stderr.isTTY) process.stderr.write("\u001b[2J\u001b[3J\u001b[H");
}

/** Words for people: never the password of an address. */
export function say(text: string): void {
  write(process.stderr, maskAddresses(text));
}

export function sayWarning(text: string): void {
  say(`${colour("yellow", "warning:")} ${text}`);
}

export function sayError(text: string, hint: string | null = null): void {
  say(`${colour("red", "error:")} ${text}`);
  if (hint !== null) say(hint);
}

/** Colours a part of what `say` (or, with `process.stdout`, `print`) writes. */
export function colour(
  style: Style,
  text: string,
  stream: NodeJS.WriteStream = process.stderr,
): string {
  return styleText(style, text, { stream });
}

/**
 * Makes a closed pipe harmless. Without it the first write after the reader has gone would end
 * the process, with jobs running.
 */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    });
  }
}

/** Resolves when all that was written so far has left the process, or can't. */
export async function flushOutput(): Promise<void> {
  const flushed = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write("", () => resolve())),
  );
  await Promise.all(flushed);
}
