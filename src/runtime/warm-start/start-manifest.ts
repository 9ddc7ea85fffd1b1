/**
 * What a start has found out, on disk for the next one. Owns the file: it is read whole or not at
 * all, written at once or not at all, and its absence is no fault.
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FileStamp } from "./file-stamps.ts";
import type { TaskFacts } from "./task-facts.ts";

export interface StartManifest {
  /** What all of it depends on, as one text. */
  readonly conditions: string;
  readonly files: readonly FileStamp[];
  /** Indexes of the files that all tasks depend on. */
  readonly common: readonly number[];
  /** What tasks have in common is written once. */
  readonly facts: readonly TaskFacts[];
  readonly tasks: readonly KnownTask[];
}

export interface KnownTask {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** Index of its facts; null = it has none and is always imported. */
  readonly facts: number | null;
  /** Indexes of the files that its facts come from. */
  readonly from: readonly number[];
}

/** Raised when the shape or the meaning of what is written changes. */
const format = "taskrun start 1";

/** Null when there is none, or it isn't whole. */
export function readManifest(file: string): StartManifest | null {
  try {
    const text = readFileSync(file, "utf8");
    const end = text.indexOf("\n");
    const body = text.slice(end + 1);
    if (text.slice(0, end) !== headOf(body)) return null;
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** Whether it could be written: a folder that is read-only is as good as any other. */
export function writeManifest(file: string, manifest: StartManifest): boolean {
  const folder = dirname(file);
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  const body = JSON.stringify(manifest);
  try {
    mkdirSync(folder, { recursive: true });
    // Nobody wants to have it in their repository.
    writeFileSync(join(folder, ".gitignore"), "*\n");
    writeFileSync(draft, `${headOf(body)}\n${body}`, { mode: 0o600 });
    renameSync(draft, file);
    return true;
  } catch {
    removeQuietly(draft);
    return false;
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It could not be written there either.
  }
}

function headOf(body: string): string {
  return `${format} ${createHash("sha256").update(body).digest("base64url")}`;
}
