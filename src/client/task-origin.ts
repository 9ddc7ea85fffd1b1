/**
 * Where a task was defined. An imported task knows its handler but not its name, which is its
 * file's path: so `defineTask` notes who called it. Noting is cheap, since V8 writes a stack out
 * only when it is read; refuses to guess where the stack shows no file of a tasks folder.
 */

import { realpathSync } from "node:fs";
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { readProperty } from "../core/error-chain.ts";
import { taskName } from "../discovery/task-name.ts";

// Symbol.for: an application may hold another copy of taskrun than the task file does.
// why: Symbol.for can't be typed unique
export const originKey: unique symbol = Symbol.for("taskrun.task-origin") as never;

/** The calls that led to `defineTask`, not yet written out. */
export interface TaskOrigin {
  readonly stack?: string;
}

/** A wrapper of the project's own around `defineTask` may stand between it and the file. */
const mostFrames = 5;

/** Notes the callers of `callee`. */
export function noteOrigin(callee: (...args: never) => unknown): TaskOrigin {
  const origin = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = mostFrames;
  Error.captureStackTrace(origin, callee);
  Error.stackTraceLimit = limit;
  return origin;
}

/** The files that led to the definition of `task`, nearest first; none when it is not known. */
export function originFiles(task: object): string[] {
  const stack = readProperty(readProperty(task, originKey), "stack");
  const files = typeof stack === "string" ? stack.split("\n").map(fileOfFrame) : [];
  return [...new Set(files.filter((file) => file !== null))];
}

/** The name that one of the files has as a task beneath `tasksDir`; null when none has one. */
export function nameAmong(files: readonly string[], tasksDir: string): string | null {
  const folders = [...new Set([tasksDir, realPath(tasksDir)])];
  for (const file of files) {
    for (const folder of folders) {
      const path = relative(folder, file).split(sep).join("/");
      const meaning = path.startsWith("../") ? null : taskName(path);
      if (meaning?.kind === "task") return meaning.name;
    }
  }
  return null;
}

/** `at f (file:///a/b.ts?v=1:2:3)`, `at /a/b.cjs:2:3`, `at f (C:\a\b.cjs:2:3)`. */
function fileOfFrame(frame: string): string | null {
  const place = /(?:\(|at (?:async )?)((?:file:\/\/\/?|\/|[A-Za-z]:\\)[^()]*?):\d+:\d+\)?$/.exec(
    frame.trimEnd(),
  )?.[1];
  if (place === undefined) return null;
  if (!place.startsWith("file:")) return place.replace(/[?#].*$/, "");
  try {
    return fileURLToPath(place.replace(/[?#].*$/, ""));
  } catch {
    return null;
  }
}

function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
