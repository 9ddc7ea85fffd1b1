/**
 * Reads a tasks folder with Node's own import: production, and every command that runs once.
 * Owns the order of the steps; refuses to load a changed file again (Node keeps what it has).
 */

import { enableCompileCache } from "node:module";
import { relative, resolve, sep } from "node:path";
import type { Catalog, LoadFailure, TaskLoader } from "../core/catalog.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import type { Task } from "../core/task.ts";
import { assembleCatalog } from "./assemble-catalog.ts";
import { folderScopes, type Scopes, scopeFailureOf } from "./folder-scopes.ts";
import { importFailure } from "./import-failure.ts";
import { ImportPatience, importModule } from "./import-module.ts";
import { isLoadFailure } from "./load-failure.ts";
import { ModuleHooks } from "./module-hooks.ts";
import { fileClashes } from "./name-clashes.ts";
import { parseTask } from "./parse-task.ts";
import { scan, type TaskFile } from "./scan.ts";

export interface NativeLoaderOptions {
  /** Absolute path; files are named relative to it. */
  readonly projectDir: string;
  /** Absolute path. */
  readonly tasksDir: string;
  /** How long an import may go on when nothing else is being imported. */
  readonly importTimeoutMs: number;
  /** What applies to all tasks: the config's defaults and middleware. */
  readonly layers: readonly TaskLayer[];
}

type Imported = { readonly module: object } | LoadFailure;

export class NativeLoader implements TaskLoader {
  readonly #options: NativeLoaderOptions;
  readonly #hooks = new ModuleHooks();

  constructor(options: NativeLoaderOptions) {
    this.#options = options;
  }

  /** Turns Node's compile cache on for this process, unless NODE_DISABLE_COMPILE_CACHE is set. */
  async load(): Promise<Catalog> {
    enableCompileCache();
    this.#hooks.start();
    const { projectDir, tasksDir, importTimeoutMs } = this.#options;
    const sourceOf = (file: string): string => sourcePath(projectDir, file);
    const found = await scan(resolve(projectDir, tasksDir));
    const patience = new ImportPatience(importTimeoutMs);
    const load = (file: string, task: string | null): Promise<Imported> =>
      this.#import(file, task, patience);

    const scopes = folderScopes(found.scopes, ({ file }) => load(file, null), sourceOf);
    const duplicates = fileClashes(found.tasks, sourceOf);
    const duplicated = new Set(duplicates.map(({ file }) => file));
    const loaded = await Promise.all(
      found.tasks
        .filter(({ file }) => !duplicated.has(file))
        .map((task) => this.#loadTask(task, scopes, load, sourceOf)),
    );
    const failures = [...found.failures, ...duplicates, ...(await scopes.failures())];
    return assembleCatalog([...loaded, ...failures], sourceOf);
  }

  async close(): Promise<void> {
    this.#hooks.stop();
  }

  async #loadTask(
    task: TaskFile,
    scopes: Scopes,
    load: (file: string, task: string) => Promise<Imported>,
    sourceOf: (file: string) => string,
  ): Promise<Task | LoadFailure> {
    const { layers, broken } = await scopes.around(task);
    const blocked = scopeFailureOf(task, broken, sourceOf);
    if (blocked !== null) return blocked;
    const imported = await load(task.file, task.name);
    if (isLoadFailure(imported)) return imported;
    return parseTask(imported.module, {
      name: task.name,
      file: task.file,
      source: sourceOf(task.file),
      version: 1,
      layers: [...this.#options.layers, ...layers],
    });
  }

  async #import(file: string, task: string | null, patience: ImportPatience): Promise<Imported> {
    const result = await importModule(file, this.#hooks, patience);
    if (result.state === "imported") return { module: result.module };
    const timeoutMs = this.#options.importTimeoutMs;
    return importFailure({ task, file, hooks: this.#hooks, timeoutMs }, result);
  }
}

/** The path that people read: relative to the project where it is in it, always with "/". */
export function sourcePath(projectDir: string, file: string): string {
  const path = relative(projectDir, file);
  const inside = path !== ".." && !path.startsWith(`..${sep}`);
  return (inside ? path : file).split(sep).join("/");
}
