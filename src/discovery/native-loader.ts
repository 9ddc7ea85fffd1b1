/**
 * Reads a tasks folder with Node's own import: production, and every command that runs once.
 * Owns the order of the steps; refuses to load a changed file again (Node keeps what it has).
 */

import { realpath } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { relative, resolve, sep } from "node:path";
import type { Catalog, LoadFailure, TaskLoader } from "../core/catalog.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import type { Task } from "../core/task.ts";
import { assembleCatalog } from "./assemble-catalog.ts";
import { folderScopes, type Scopes, scopeFailureOf } from "./folder-scopes.ts";
import { importFailure } from "./import-failure.ts";
import { ImportPatience, importModule } from "./import-module.ts";
import { ImportWatchdog } from "./import-watchdog.ts";
import { isLoadFailure } from "./load-failure.ts";
import { ModuleHooks } from "./module-hooks.ts";
import { fileClashes } from "./name-clashes.ts";
import { parseTask } from "./parse-task.ts";
import { scan, type TaskFile } from "./scan.ts";
import { withoutExit } from "./without-exit.ts";

export interface NativeLoaderOptions {
  /** Absolute path; files are named relative to it. */
  readonly projectDir: string;
  /** Absolute path. */
  readonly tasksDir: string;
  /** How long an import may go on when nothing else is being imported. */
  readonly importTimeoutMs: number;
  /** What applies to all tasks: the config's defaults and middleware. */
  readonly layers: readonly TaskLayer[];
  /** The only task to load, by its name. Default: all. */
  readonly only?: string;
  /** What the file of that one task exports, if somebody has imported it already. */
  readonly exported?: object;
  /** Whether the process is killed when an import holds it up for the limit. Default: false. */
  readonly watchdog?: boolean;
}

interface Importing {
  /** Where the project really is. */
  readonly realDir: string;
  readonly patience: ImportPatience;
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
    const { projectDir, tasksDir, importTimeoutMs, only } = this.#options;
    const sourceOf = (file: string): string => sourcePath(projectDir, file);
    const found = await scan(resolve(projectDir, tasksDir));
    const patience = new ImportPatience(importTimeoutMs);
    const realDir = await realpath(projectDir).catch(() => projectDir);
    const importing = { realDir, patience };
    const scopes = folderScopes(
      found.scopes,
      (scope) => this.#import(scope, null, importing),
      sourceOf,
    );
    const duplicates = fileClashes(found.tasks, sourceOf);
    const duplicated = new Set(duplicates.map(({ file }) => file));
    const wanted = found.tasks.filter(
      ({ file, name }) => !duplicated.has(file) && name === (only ?? name),
    );
    const watchdog = new ImportWatchdog(importTimeoutMs);
    const files = [...found.scopes, ...wanted].map(({ real }) => real);
    if (this.#options.watchdog === true && files.length > 0) watchdog.start(realDir, files);
    const loaded = await Promise.all(
      wanted.map((task) => this.#loadTask(task, scopes, importing, sourceOf)),
    );
    const failures = [...found.failures, ...duplicates, ...(await scopes.failures())];
    watchdog.stop();
    return assembleCatalog([...loaded, ...failures], sourceOf);
  }

  async close(): Promise<void> {
    this.#hooks.stop();
  }

  async #loadTask(
    task: TaskFile,
    scopes: Scopes,
    importing: Importing,
    sourceOf: (file: string) => string,
  ): Promise<Task | LoadFailure> {
    const { layers, broken } = await scopes.around(task);
    const blocked = scopeFailureOf(task, broken, sourceOf);
    if (blocked !== null) return blocked;
    const { exported } = this.#options;
    const imported =
      exported === undefined
        ? await this.#import(task, task.name, importing)
        : { module: { default: exported } };
    if (isLoadFailure(imported)) return imported;
    return parseTask(imported.module, {
      name: task.name,
      file: task.file,
      source: sourceOf(task.file),
      version: 1,
      layers: [...this.#options.layers, ...layers],
    });
  }

  async #import(
    { file, real }: { readonly file: string; readonly real: string },
    task: string | null,
    { patience, realDir }: Importing,
  ): Promise<Imported> {
    const result = await withoutExit(() => importModule(real, this.#hooks, patience));
    if (result.state === "imported") return { module: result.module };
    const { importTimeoutMs: timeoutMs, projectDir } = this.#options;
    const facts = { task, file: real, hooks: this.#hooks, timeoutMs };
    return asGiven(await importFailure(facts, result), { file, real }, { projectDir, realDir });
  }
}

/** Node names files by their real paths; people know them by the paths they gave. */
export function asGiven(
  failure: LoadFailure,
  { file, real }: { readonly file: string; readonly real: string },
  { projectDir, realDir }: { readonly projectDir: string; readonly realDir: string },
): LoadFailure {
  const inside = failure.file.startsWith(realDir + sep);
  const shown = inside ? projectDir + failure.file.slice(realDir.length) : failure.file;
  return { ...failure, file: failure.file === real ? file : shown };
}

/** The path that people read: relative to the project where it is in it, always with "/". */
export function sourcePath(projectDir: string, file: string): string {
  const path = relative(projectDir, file);
  const inside = path !== ".." && !path.startsWith(`..${sep}`);
  return (inside ? path : file).split(sep).join("/");
}
