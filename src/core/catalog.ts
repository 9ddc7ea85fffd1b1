/** All tasks found on disk at one moment, with what could not be loaded: an immutable value. */

import type { Task } from "./task.ts";

/** A file that should be a task but can't be: what, where, and how to mend it. */
export interface LoadFailure {
  readonly code: LoadFailureCode;
  /** The name the task would have, when the file's name allows one. */
  readonly task: string | null;
  /** Absolute path. */
  readonly file: string;
  /** 1-based; null when unknown. */
  readonly line: number | null;
  readonly column: number | null;
  readonly reason: string;
  readonly fix: string;
  /** A few source lines with the place marked; null when there is no place. */
  readonly frame: string | null;
}

export type LoadFailureCode =
  | "bad-name"
  | "duplicate-name"
  | "no-default-export"
  | "bad-definition"
  | "syntax-error"
  | "missing-module"
  | "import-threw"
  | "import-timeout"
  | "unreadable";

export interface Catalog {
  /** By name; aliases are on the tasks. Sorted by name. */
  readonly tasks: ReadonlyMap<string, Task>;
  readonly failures: readonly LoadFailure[];
}

/** Reads a tasks folder. Production and watch mode have one each. */
export interface TaskLoader {
  /** Scans the folder and imports every task file in it. Never throws for a bad file. */
  load(): Promise<Catalog>;
  /** Frees what the loader holds. */
  close(): Promise<void>;
  /** The tasks that `load` knew without importing them. Only a loader that remembers has it. */
  readonly late?: LateTasks;
  /**
   * An attempt begins on this version, and has ended. Only a loader that frees old versions
   * counts them.
   */
  acquire?(task: Task): void;
  release?(task: Task): void;
}

/**
 * Tasks of a catalog whose code is still on disk: right for all that is done before an attempt,
 * but no attempt may run on them.
 */
export interface LateTasks {
  /** Whether it is one of them; it stays one when its code has been imported. */
  has(task: Task): boolean;
  /** Imports its code, once. Never rejects. */
  import(task: Task): Promise<LateImport>;
  /** Whether its payload's JSON Schema is the one that was known. Imports its code. */
  saysTheSame(task: Task): Promise<boolean>;
  /** Until the returned function is called, an import that holds up the process ends it. */
  watch(tasks: Iterable<Task>): () => void;
  /** The catalog with what the import has come to. */
  revise(catalog: Catalog, late: Task, imported: LateImport): Catalog;
  /** Leaves what the tasks are to the next start, if that doesn't know it yet. Never rejects. */
  remember(catalog: Catalog): Promise<void>;
}

export interface LateImport {
  /** With its code; null when it can't be loaded. */
  readonly task: Task | null;
  readonly failures: readonly LoadFailure[];
  /** The task is what it was known as. */
  readonly asKnown: boolean;
}

/** What one round of changed files did to a catalog. */
export interface ChangeSet {
  /** The catalog from now on: a task that can't be loaded any more keeps its last good version. */
  readonly catalog: Catalog;
  /** The files whose content had changed, or that came or went; absolute paths. */
  readonly files: readonly string[];
  readonly added: readonly Task[];
  /** Their new versions. */
  readonly reloaded: readonly Task[];
  /** The versions that are no longer used for new attempts because their file has gone. */
  readonly removed: readonly Task[];
  /** What this round found broken; tasks among them go on with their last good version. */
  readonly failures: readonly LoadFailure[];
  readonly durationMs: number;
}
