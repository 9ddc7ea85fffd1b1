/**
 * A LoadFailure of an import, with the text around its place. Owns reading that text; refuses
 * to know the kinds of fault.
 */

import { readFileSync } from "node:fs";
import type { LoadFailure } from "../core/catalog.ts";
import { type FailureFacts, loadFailure } from "./load-failure.ts";
import type { ModuleHooks } from "./module-hooks.ts";

/** The import that failed: of which file, for which task, and what Node knows about it. */
export interface FailedImport {
  /** null for a file that is no task: a folder's middleware or defaults. */
  readonly task: string | null;
  /** Absolute path of the file that was imported. */
  readonly file: string;
  readonly hooks: Pick<ModuleHooks, "graph" | "failedResolution" | "failedTransform">;
  /** For the sentence about an import that never ends. */
  readonly timeoutMs: number;
}

export function placedFailure(
  failed: Pick<FailedImport, "task">,
  facts: Omit<FailureFacts, "task" | "source">,
): LoadFailure {
  return loadFailure({ task: failed.task, source: textOf(facts.file), ...facts });
}

/** The file's text; null when it can't be read. */
export function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** An error's `code`; "" when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** An error's message; "" for what is no error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? String(error.message) : "";
}

/** An error's stack; "" for what has none. */
export function stackOf(error: unknown): string {
  return error instanceof Error && typeof error.stack === "string" ? error.stack : "";
}
