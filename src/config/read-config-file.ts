/**
 * Finds worker.config.* and imports it. Owns the file's faults as a file: missing, two of them,
 * broken syntax, an import that throws, an export that is no object. What the options in it may
 * be is `check-option`'s concern.
 */

import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, type ConfigProblem } from "./config-error.ts";

/** In the order in which they are looked for. */
export const configFileNames = [
  "worker.config.ts",
  "worker.config.mts",
  "worker.config.js",
  "worker.config.mjs",
] as const;

export interface ConfigFile {
  /** Absolute. */
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Reads `named` (absolute), or else the one config file in `folder`; null when there is none.
 * `query` is put behind its URL: Node imports each URL once.
 *
 * @throws ConfigError when the folder or the file is missing, or the file broken, or one of two.
 */
export async function readConfigFile(
  folder: string,
  named: string | null,
  query = "",
): Promise<ConfigFile | null> {
  const file = named ?? findConfigFile(folder);
  if (file === null) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return null;
    throw fileError(folder, "there is no such folder", "Give the folder of a project.");
  }
  if (!existsSync(file)) {
    throw fileError(file, "there is no such file", "Give --config the path of a config file.");
  }
  const exported = await importDefault(file, query);
  if (typeof exported !== "object" || exported === null || Array.isArray(exported)) {
    throw fileError(
      file,
      "the file exports no configuration by default",
      "End it with `export default defineConfig({ … })`.",
    );
  }
  return { file, values: Object.fromEntries(Object.entries(exported)) };
}

function findConfigFile(folder: string): string | null {
  const found = configFileNames
    .map((name) => path.join(folder, name))
    .filter((file) => existsSync(file));
  const [first, second] = found;
  if (second !== undefined) {
    throw fileError(second, `${path.basename(first ?? "")} is there too`, "Keep one of them.");
  }
  return first ?? null;
}

async function importDefault(file: string, query: string): Promise<unknown> {
  try {
    const loaded: { default?: unknown } = await import(pathToFileURL(file).href + query);
    return loaded.default;
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const place = error instanceof Error ? placeIn(file, error) : null;
    throw fileError(file, `it can't be imported: ${reason}`, null, place);
  }
}

function fileError(
  file: string,
  reason: string,
  fix: string | null,
  place: Place | null = null,
): ConfigError {
  return new ConfigError([
    {
      option: null,
      where: showPlace(file, place),
      reason,
      fix,
      file,
      line: place?.line ?? null,
      column: place?.column ?? null,
    },
  ]);
}

interface Place {
  readonly line: number;
  readonly column: number | null;
}

/** Where in `file` the error arose, as far as its stack says: syntax errors have no column. */
function placeIn(file: string, error: Error): Place | null {
  const names = [file, pathToFileURL(file).href].map(quote);
  const match = new RegExp(`(?:${names.join("|")})[^\\s):]*:(\\d+)(?::(\\d+))?`).exec(
    error.stack ?? "",
  );
  if (match === null) return null;
  return { line: Number(match[1]), column: match[2] === undefined ? null : Number(match[2]) };
}

function quote(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Completes a fault of an option in the file with the place where the file names it. */
export function problemInFile(
  file: string,
  fault: Pick<ConfigProblem, "reason" | "fix"> & { readonly option: string },
): ConfigProblem {
  const place = findKey(file, fault.option);
  return {
    ...fault,
    where: showPlace(file, place),
    file,
    line: place?.line ?? null,
    column: place?.column ?? null,
  };
}

/** The first place where the innermost key of `option` is written as one. */
function findKey(file: string, option: string): Place | null {
  const key = option.split(".").findLast((part) => !/^\d+$/.test(part)) ?? option;
  const pattern = new RegExp(`(?<![\\w$.])["']?${quote(key)}["']?\\s*[:(,}]`);
  for (const [index, text] of readFileSync(file, "utf8").split("\n").entries()) {
    const match = /^\s*(\/\/|\*)/.test(text) ? null : pattern.exec(text);
    if (match !== null) return { line: index + 1, column: match.index + 1 };
  }
  return null;
}

function showPlace(file: string, place: Place | null): string {
  const shown = path.relative(process.cwd(), file);
  const name = shown.startsWith("..") || shown === "" ? file : shown;
  if (place === null) return name;
  return place.column === null ? `${name}:${place.line}` : `${name}:${place.line}:${place.column}`;
}
