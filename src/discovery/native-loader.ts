/**
 * Reads a tasks folder with Node's own import: production, and every command that runs once. May
 * be told what is known of tasks already, and imports those later, when asked to.
 * Owns the order of the steps; refuses to load a changed file again (Node keeps what it has).
 */

import { realpath } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { relative, resolve, sep } from "node:path";
import type { Catalog, LoadFailure, TaskLoader } from "../core/catalog.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import type { Task } from "../core/task.ts";
import { assembleCatalog } from "./assemble-catalog.ts";
import { folderScopes, isAround, type Scopes, scopeFailureOf } from "./folder-scopes.ts";
import { importFailure } from "./import-failure.ts";
import { ImportPatience, importModule } from "./import-module.ts";
import { ImportWatchdog } from "./import-watchdog.ts";
import { isLoadFailure } from "./load-failure.ts";
import { ModuleHooks } from "./module-hooks.ts";
import { fileClashes } from "./name-clashes.ts";
import { parseTask } from "./parse-task.ts";
import { type ScannedTasks, type ScopeFile, scan, type TaskFile } from "./scan.ts";
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
  /**
   * The task without its code, which `import` fetches later; null = import it. `scopes` are the
   * files that apply to it. Default: nothing is known.
   */
  readonly known?: (task: TaskFile, scopes: readonly ScopeFile[]) => Task | null;
}

/** What a late import has come to. */
export interface LateImport {
  /** Null when it can't be loaded. */
  readonly task: Task | null;
  readonly failures: readonly LoadFailure[];
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
  readonly #watchdog: ImportWatchdog;
  readonly #sourceOf: (file: string) => string;
  #found: ScannedTasks = { tasks: [], scopes: [], failures: [] };
  #byName: ReadonlyMap<string, TaskFile> = new Map();
  #importing: Importing;
  #lateScopes: Scopes | null = null;

  constructor(options: NativeLoaderOptions) {
    const { projectDir, importTimeoutMs } = options;
    this.#options = options;
    this.#watchdog = new ImportWatchdog(importTimeoutMs);
    this.#sourceOf = (file) => sourcePath(projectDir, file);
    this.#importing = { realDir: projectDir, patience: new ImportPatience(importTimeoutMs) };
  }

  /** Turns Node's compile cache on for this process, unless NODE_DISABLE_COMPILE_CACHE is set. */
  async load(): Promise<Catalog> {
    enableCompileCache();
    this.#hooks.start();
    const { projectDir, tasksDir, only, known } = this.#options;
    const found = await scan(resolve(projectDir, tasksDir));
    this.#found = found;
    this.#byName = new Map(found.tasks.map((task) => [task.name, task]));
    const realDir = await realpath(projectDir).catch(() => projectDir);
    this.#importing = { ...this.#importing, realDir };
    const duplicates = fileClashes(found.tasks, this.#sourceOf);
    const duplicated = new Set(duplicates.map(({ file }) => file));
    const wanted = found.tasks.filter(
      ({ file, name }) => !duplicated.has(file) && name === (only ?? name),
    );
    const late = new Map<TaskFile, Task>();
    for (const task of known === undefined ? [] : wanted) {
      const described = known?.(task, this.#scopesAround(task)) ?? null;
      if (described !== null) late.set(task, described);
    }
    const eager = wanted.filter((task) => !late.has(task));
    const scopeFiles = found.scopes.filter((scope) => isNeeded(scope, eager, late));
    const scopes = this.#scopes(scopeFiles);
    const end = this.#watch([...scopeFiles, ...eager]);
    const loaded = await Promise.all(eager.map((task) => this.#loadTask(task, scopes)));
    const failures = [...found.failures, ...duplicates, ...(await scopes.failures())];
    end();
    return assembleCatalog([...loaded, ...late.values(), ...failures], this.#sourceOf);
  }

  /** Imports a task that was `known`. Never rejects. */
  async import(name: string): Promise<LateImport> {
    const file = this.#byName.get(name);
    if (file === undefined) return { task: null, failures: [] };
    this.#lateScopes ??= this.#scopes(this.#found.scopes);
    const loaded = await this.#loadTask(file, this.#lateScopes);
    if (!isLoadFailure(loaded)) return { task: loaded, failures: [] };
    const { broken } = await this.#lateScopes.around(file);
    return { task: null, failures: [...broken, loaded] };
  }

  /** Until the returned function is called, no import of these may hold up the process. */
  watch(names: ReadonlySet<string>): () => void {
    return this.#watch([
      ...this.#found.scopes,
      ...this.#found.tasks.filter(({ name }) => names.has(name)),
    ]);
  }

  /**
   * The project's files whose code made the task what it is; null when they can't all be told,
   * since some were imported before this loader was there. Only after `load`.
   */
  filesBehind({ name }: Pick<Task, "name">): readonly string[] | null {
    const task = this.#byName.get(name);
    if (task === undefined) return null;
    const files = new Set<string>();
    for (const { real } of [task, ...this.#scopesAround(task)]) {
      for (const file of this.#hooks.graph.dependenciesOf(real)) files.add(file);
    }
    return [...files].every((file) => this.#hooks.hasLoaded(file)) ? [...files] : null;
  }

  /** Every tsconfig.json that was read so far. */
  tsconfigFiles(): readonly string[] {
    return this.#hooks.tsconfig.files();
  }

  async close(): Promise<void> {
    this.#hooks.stop();
  }

  #scopesAround(task: TaskFile): ScopeFile[] {
    return this.#found.scopes.filter((scope) => isAround(scope, task));
  }

  #scopes(files: readonly ScopeFile[]): Scopes {
    return folderScopes(files, (scope) => this.#import(scope, null), this.#sourceOf);
  }

  #watch(files: readonly { readonly real: string }[]): () => void {
    if (this.#options.watchdog !== true || files.length === 0) return () => {};
    const watchdog = this.#watchdog;
    watchdog.start(
      this.#importing.realDir,
      files.map(({ real }) => real),
    );
    return () => watchdog.stop();
  }

  async #loadTask(task: TaskFile, scopes: Scopes): Promise<Task | LoadFailure> {
    const { layers, broken } = await scopes.around(task);
    const blocked = scopeFailureOf(task, broken, this.#sourceOf);
    if (blocked !== null) return blocked;
    const { exported } = this.#options;
    const imported =
      exported === undefined
        ? await this.#import(task, task.name)
        : { module: { default: exported } };
    if (isLoadFailure(imported)) return imported;
    return parseTask(imported.module, {
      name: task.name,
      file: task.file,
      source: this.#sourceOf(task.file),
      version: 1,
      layers: [...this.#options.layers, ...layers],
    });
  }

  async #import(
    { file, real }: { readonly file: string; readonly real: string },
    task: string | null,
  ): Promise<Imported> {
    const { patience, realDir } = this.#importing;
    const result = await withoutExit(() => importModule(real, this.#hooks, patience));
    if (result.state === "imported") return { module: result.module };
    const { importTimeoutMs: timeoutMs, projectDir } = this.#options;
    const facts = { task, file: real, hooks: this.#hooks, timeoutMs };
    return asGiven(await importFailure(facts, result), { file, real }, { projectDir, realDir });
  }
}

/** One that applies to known tasks alone is imported with the first of them. */
function isNeeded(
  scope: ScopeFile,
  eager: readonly TaskFile[],
  late: ReadonlyMap<TaskFile, unknown>,
): boolean {
  const isAroundIt = (task: TaskFile) => isAround(scope, task);
  return eager.some(isAroundIt) || ![...late.keys()].some(isAroundIt);
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
