/**
 * Path ↔ name: what a file under the tasks folder is, told by its path alone.
 * Owns the naming rules; refuses to look at the disk.
 */

import { showValue } from "../core/show-value.ts";

/** graphile-worker's column takes no more. */
export const maxNameLength = 128;

export type PathMeaning =
  | { readonly kind: "task"; readonly name: string }
  | { readonly kind: "scope"; readonly scope: ScopeKind; readonly folder: string }
  | { readonly kind: "bad-name"; readonly reason: string; readonly fix: string }
  | { readonly kind: "ignored" };

export type ScopeKind = "middleware" | "defaults";

const moduleFile = /^(.+)\.(?:[cm]?[jt]s|[jt]sx)$/;
const declarationFile = /\.d\.(?:.+\.)?[cm]?ts$/;
const testFile = /\.(?:test|spec)\./;
const segmentPattern = /^[A-Za-z0-9_-]+$/;

/**
 * Says what the file at `path` is. `path` is relative to the tasks folder, with "/" between
 * its parts: "billing/charge.ts" is the task "billing/charge".
 */
export function taskName(path: string): PathMeaning {
  const segments = path.split("/");
  const file = segments.pop() ?? "";
  const base = moduleFile.exec(file)?.[1];
  if (base === undefined || segments.some(isIgnoredFolder)) return { kind: "ignored" };
  if (base === "_middleware" || base === "_defaults") {
    const scope = base === "_middleware" ? "middleware" : "defaults";
    return { kind: "scope", scope, folder: segments.join("/") };
  }
  if (/^[_.]/.test(file) || declarationFile.test(file) || testFile.test(file)) {
    return { kind: "ignored" };
  }
  return named([...segments, base], path);
}

/** Whether nothing in a folder of this name is a task, so that it need not be read. */
export function isIgnoredFolder(name: string): boolean {
  return name === "node_modules" || /^[_.]/.test(name);
}

/** The path of a new TypeScript file for the task `name`, relative to the tasks folder. */
export function taskPath(name: string): string {
  const segments = name.split("/").map((each) => each.replaceAll(/[^A-Za-z0-9_-]/g, "_"));
  return `${segments.join("/")}.ts`;
}

function named(segments: readonly string[], path: string): PathMeaning {
  const bad = segments.find((segment) => !segmentPattern.test(segment));
  if (bad !== undefined) {
    const better = betterName(bad);
    const what = bad === segments.at(-1) ? "file" : "folder";
    return {
      kind: "bad-name",
      reason: `${showValue(bad)} can't be part of a task's name: only letters, digits, "_" and "-" can`,
      fix: `Rename the ${what} to ${JSON.stringify(better)}, or put "_" before it if ${showValue(path, 300)} is no task. Queue jobs under other names with \`aliases\`.`,
    };
  }
  const name = segments.join("/");
  if (name.length > maxNameLength) {
    return {
      kind: "bad-name",
      reason: `the task's name would have ${name.length} characters; the queue takes ${maxNameLength}`,
      fix: "Shorten the names of the file and its folders.",
    };
  }
  return { kind: "task", name };
}

/** Of a name in another script nothing may be left; with "_" in front it would be no task. */
function betterName(name: string): string {
  const better = name.replaceAll(/[^A-Za-z0-9_-]+/g, "_").replace(/^_+/, "");
  return better.slice(0, maxNameLength) || "my_task";
}
