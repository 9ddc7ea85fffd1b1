/**
 * From paths that a watcher names to the files that hold something else now. Owns links,
 * folders that came or went, and saves that are only half done; refuses to load anything.
 */

import { realpathSync, type Stats, statSync } from "node:fs";
import { sep } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { FileContents } from "./modules/file-contents.ts";

/** Some editors empty or remove a file before they write it. */
const halfSavedMs = 30;

/** The real paths of the files among or beneath `paths` that have changed, known ones only. */
export async function changedFiles(
  paths: readonly string[],
  contents: FileContents,
  isImported: (path: string) => boolean,
): Promise<Set<string>> {
  const candidates = new Set(paths.flatMap((path) => knownFilesAt(path, contents, isImported)));
  if ([...candidates].some((file) => contents.hadText(file) && isEmptyOrGone(file))) {
    await delay(halfSavedMs);
  }
  return new Set([...candidates].filter((file) => contents.changed(file)));
}

function knownFilesAt(
  path: string,
  contents: FileContents,
  isImported: (path: string) => boolean,
): string[] {
  const real = realOf(path);
  const own = [...new Set([path, real])].filter(
    (each) => contents.isKnown(each) || isImported(each),
  );
  // A folder came, went or was renamed: watchers may name nothing else.
  const folders = own.length === 0 && !isFile(real) ? [path + sep, real + sep] : [];
  const inside = folders.flatMap((folder) =>
    [...contents.files()].filter((file) => file.startsWith(folder)),
  );
  return [...own, ...inside];
}

/** Through links, as far as the path is there. */
export function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const cut = path.lastIndexOf(sep);
    return cut <= 0 ? path : realOf(path.slice(0, cut)) + path.slice(cut);
  }
}

export function isFile(path: string): boolean {
  return statsOf(path)?.isFile() ?? false;
}

/** Null also for what can't be looked at: a link to itself, what is in a folder of others. */
export function statsOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

function isEmptyOrGone(file: string): boolean {
  return (statsOf(file)?.size ?? 0) === 0;
}
