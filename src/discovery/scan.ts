/**
 * Walks a tasks folder: paths in, values out, sorted. Owns what is found and what can't be
 * read; refuses to look into the files. Follows links, and stops where they lead back.
 */

import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { LoadFailure } from "../core/catalog.ts";
import { loadFailure } from "./load-failure.ts";
import { isIgnoredFolder, type ScopeKind, taskName } from "./task-name.ts";

export interface TaskFile {
  readonly name: string;
  /** Absolute path, by way of the links that lead to it. */
  readonly file: string;
  /** Where the file really is: Node knows its modules by that. */
  readonly real: string;
  /** Relative to the tasks folder, "/" between the parts; "" is the tasks folder itself. */
  readonly folder: string;
}

export interface ScopeFile {
  readonly scope: ScopeKind;
  readonly file: string;
  readonly real: string;
  readonly folder: string;
}

export interface ScannedTasks {
  readonly tasks: readonly TaskFile[];
  readonly scopes: readonly ScopeFile[];
  readonly failures: readonly LoadFailure[];
}

interface Walk {
  readonly tasks: TaskFile[];
  readonly scopes: ScopeFile[];
  readonly failures: LoadFailure[];
}

/** Lists what is in `tasksDir` (an absolute path). Never throws for what it can't read. */
export async function scan(tasksDir: string): Promise<ScannedTasks> {
  const walk: Walk = { tasks: [], scopes: [], failures: [] };
  try {
    const root = await realpath(tasksDir);
    if ((await stat(root)).isDirectory()) await walkFolder(walk, tasksDir, "", [root]);
    else walk.failures.push(notAFolder(tasksDir));
  } catch (error) {
    walk.failures.push(isMissing(error) ? missing(tasksDir) : unreadable(tasksDir, error));
  }
  return {
    tasks: walk.tasks.sort((a, b) => order(a.name, b.name) || order(a.file, b.file)),
    scopes: walk.scopes.sort((a, b) => order(a.folder, b.folder) || order(a.file, b.file)),
    failures: walk.failures.sort((a, b) => order(a.file, b.file)),
  };
}

/** Reads one folder; `above` holds the real paths of it and the folders around it. */
async function walkFolder(
  walk: Walk,
  path: string,
  folder: string,
  above: readonly string[],
): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const full = join(path, entry.name);
      const relative = folder === "" ? entry.name : `${folder}/${entry.name}`;
      try {
        await walkEntry(walk, entry, full, relative, above);
      } catch (error) {
        walk.failures.push(unreadable(full, error));
      }
    }),
  );
}

async function walkEntry(
  walk: Walk,
  entry: Dirent,
  full: string,
  relative: string,
  above: readonly string[],
): Promise<void> {
  if (entry.isSymbolicLink()) return walkLink(walk, full, relative, above);
  const real = join(above.at(-1) ?? "", entry.name);
  if (entry.isDirectory() && !isIgnoredFolder(entry.name)) {
    return walkFolder(walk, full, relative, [...above, real]);
  }
  if (entry.isFile()) addFile(walk, full, real, relative);
}

async function walkLink(
  walk: Walk,
  full: string,
  relative: string,
  above: readonly string[],
): Promise<void> {
  const { kind } = taskName(relative);
  // Editors keep dangling links beside a file (".#send.ts"): those are not tasks either.
  if (kind === "ignored" && isIgnoredFolder(basename(full))) return;
  const mayMatter = kind !== "ignored" || !basename(full).includes(".");
  try {
    const real = await realpath(full);
    const target = await stat(real);
    if (target.isFile()) return addFile(walk, full, real, relative);
    if (!target.isDirectory()) return;
    if (above.includes(real)) walk.failures.push(linkLoop(full, real));
    else await walkFolder(walk, full, relative, [...above, real]);
  } catch (error) {
    if (mayMatter) walk.failures.push(unreadable(full, error));
  }
}

function addFile(walk: Walk, file: string, real: string, relative: string): void {
  const meaning = taskName(relative);
  const folder = relative.slice(0, Math.max(0, relative.lastIndexOf("/")));
  if (meaning.kind === "task") walk.tasks.push({ name: meaning.name, file, real, folder });
  else if (meaning.kind === "scope") walk.scopes.push({ scope: meaning.scope, file, real, folder });
  else if (meaning.kind === "bad-name") {
    const { reason, fix } = meaning;
    walk.failures.push(loadFailure({ code: "bad-name", task: null, file, reason, fix }));
  }
}

function missing(tasksDir: string): LoadFailure {
  return failure(
    tasksDir,
    "there is no such folder",
    `Make it: mkdir ${basename(tasksDir)}. Each file in it is a task.`,
  );
}

function notAFolder(tasksDir: string): LoadFailure {
  return failure(
    tasksDir,
    "the tasks folder is not a folder",
    "Set `tasks` to the folder that has the task files.",
  );
}

function linkLoop(file: string, real: string): LoadFailure {
  return failure(
    file,
    `the link leads back to ${real}, a folder around it`,
    "Remove the link, or let it lead elsewhere.",
  );
}

function unreadable(file: string, error: unknown): LoadFailure {
  const [reason, fix] = isMissing(error)
    ? ["the link leads to nothing", "Remove the link, or let it lead to a file."]
    : [`it can't be read (${codeOf(error)})`, "Let the user that runs taskrun read it."];
  return failure(file, reason, fix);
}

function failure(file: string, reason: string, fix: string): LoadFailure {
  return loadFailure({ code: "unreadable", task: null, file, reason, fix });
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
