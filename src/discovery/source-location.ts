/**
 * Finds places in source text and in stacks: a specifier, an exported name, a field.
 * Owns the searching; refuses to read files. It searches text, not a syntax tree: a place that
 * is off inside a comment costs less than a parser at start-up.
 */

import { fileURLToPath } from "node:url";

/** Both 1-based; the column counts UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface StackPlace extends Position {
  readonly file: string;
}

/** Where the character at `offset` is. */
export function sourceLocation(source: string, offset: number): Position {
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}

/** Where `specifier` is imported, re-exported or required: its opening quote. */
export function findSpecifier(source: string, specifier: string): Position | null {
  const quoted = `(["'\`])${escapePattern(specifier)}\\1`;
  const pattern = new RegExp(`\\b(?:from|import|require)\\s*\\(?\\s*(?=${quoted})`, "g");
  return firstOutsideComments(source, pattern, (match) => match.index + match[0].length);
}

/** Where `name` is in the braces of an import from `specifier`; else where the specifier is. */
export function findImportedName(source: string, specifier: string, name: string): Position | null {
  const statement = new RegExp(
    `\\b(?:import|export)\\b([^;"'\`]*?)\\bfrom\\s*(["'])${escapePattern(specifier)}\\2`,
    "g",
  );
  const word = new RegExp(`(?<![\\w$])${escapePattern(name)}(?![\\w$])`);
  for (const match of source.matchAll(statement)) {
    const found = word.exec(match[1] ?? "");
    const start = match.index + match[0].indexOf(match[1] ?? "");
    if (found !== null) return sourceLocation(source, start + found.index);
  }
  return findSpecifier(source, specifier);
}

/** Where `name` is exported under that name. */
export function findExport(source: string, name: string): Position | null {
  const word = escapePattern(name);
  const declared = `\\bexport\\s+(?:async\\s+)?(?:const|let|var|function\\*?|class)\\s+(?=${word}\\b)`;
  const assigned = `\\bexports\\.(?=${word}\\s*=)`;
  return firstOutsideComments(
    source,
    new RegExp(`${declared}|${assigned}`, "g"),
    (match) => match.index + match[0].length,
  );
}

/** Where the default export begins. */
export function findDefaultExport(source: string): Position | null {
  const esModule = "\\bexport\\s+default\\b|\\bexport\\s*\\{[^}]*\\bas\\s+default\\b";
  const commonJs = "\\bmodule\\.exports\\s*=|\\bexports\\.default\\s*=";
  const pattern = new RegExp(`${esModule}|${commonJs}`, "g");
  return firstOutsideComments(source, pattern, (match) => match.index);
}

/** Where an object's field `path` ("retry.baseDelay") is written, as far as it can be followed. */
export function findField(source: string, path: string): Position | null {
  let from = 0;
  let found: number | null = null;
  for (const key of path.split(".")) {
    const pattern = new RegExp(`(?<![\\w$.])["']?${escapePattern(key)}["']?\\s*[:(,}]`, "g");
    pattern.lastIndex = from;
    const match = pattern.exec(source);
    if (match === null) break;
    found = match.index;
    from = match.index + match[0].length;
  }
  return found === null ? null : sourceLocation(source, found);
}

/** Where the string literal `text` is written. */
export function findLiteral(source: string, text: string): Position | null {
  const pattern = new RegExp(`(["'\`])${escapePattern(text)}\\1`, "g");
  return firstOutsideComments(source, pattern, (match) => match.index);
}

/** Where the first `await` outside any function stands, guessed by its missing indentation. */
export function findTopLevelAwait(source: string): Position | null {
  const declaration = "(?:export\\s+)?(?:const|let|var)\\b[^\\n]*?=\\s*";
  const others = "for\\s+|[\\w$.]+\\s*=\\s*|export\\s+default\\s+";
  const pattern = new RegExp(`^(?:${declaration}|${others})?(?=await\\b)`, "gm");
  return firstOutsideComments(source, pattern, (match) => match.index + match[0].length);
}

/** Where the first loop outside any function stands, guessed by its missing indentation. */
export function findLoop(source: string): Position | null {
  return firstOutsideComments(source, /^(?:while|for|do)\b/gm, (match) => match.index);
}

/** The places that an error's stack names, innermost first; Node's own are left out. */
export function stackPlaces(stack: string): StackPlace[] {
  const places: StackPlace[] = [];
  for (const line of stack.split("\n")) {
    const match = /^\s+at (?:.*?\()?((?:file:\/\/|\/|[A-Za-z]:\\).+?):(\d+):(\d+)\)?$/.exec(line);
    if (match === null) continue;
    const [, file = "", lineNumber, column] = match;
    places.push({ file: pathOf(file), line: Number(lineNumber), column: Number(column) });
  }
  return places;
}

/** The file and line that Node puts over a SyntaxError's stack, when it does. */
export function stackHeading(stack: string): { file: string; line: number } | null {
  const match = /^((?:file:\/\/|\/|[A-Za-z]:\\).+):(\d+)$/.exec(stack.split("\n", 1)[0] ?? "");
  return match === null ? null : { file: pathOf(match[1] ?? ""), line: Number(match[2]) };
}

function pathOf(location: string): string {
  return location.startsWith("file:") ? fileURLToPath(location) : location.replace(/\?.*$/, "");
}

function firstOutsideComments(
  source: string,
  pattern: RegExp,
  offsetOf: (match: RegExpExecArray) => number,
): Position | null {
  for (const match of source.matchAll(pattern)) {
    const lineStart = source.lastIndexOf("\n", match.index) + 1;
    if (/^\s*(?:\/\/|\/?\*)/.test(source.slice(lineStart, match.index))) continue;
    return sourceLocation(source, offsetOf(match));
  }
  return null;
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
