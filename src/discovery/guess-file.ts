/**
 * The file that an import without Node's full path means: TypeScript's rules for endings.
 * Owns the order of the guesses; refuses packages.
 */

import { statSync } from "node:fs";
import { join } from "node:path";

const endings = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"];

/** What TypeScript compiles to the ending that was written. */
const sourcesOf: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};

/** Returns the file that `path` (absolute) stands for; null when there is none. */
export function guessFile(path: string): string | null {
  return isFile(path) ? path : (guesses(path).find(isFile) ?? null);
}

/** The files that `path` (absolute), which is none itself, may stand for: best first. */
export function guesses(path: string): string[] {
  const written = /\.[cm]?jsx?$/.exec(path)?.[0];
  const sources = written === undefined ? [] : (sourcesOf[written] ?? []);
  const stem = written === undefined ? path : path.slice(0, -written.length);
  return [
    ...sources.map((ending) => stem + ending),
    ...endings.map((ending) => path + ending),
    ...endings.map((ending) => join(path, `index${ending}`)),
  ];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
