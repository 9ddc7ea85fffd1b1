/**
 * The loader of watch mode: a module graph of its own over `vm.SourceTextModule`, so that a
 * changed file and what imports it are loaded again, and nothing else, and old code is freed.
 *
 * Owns the order of rounds, one after another; refuses to watch files. Node must run with
 * `--experimental-vm-modules`, and with `--no-compilation-cache` if old code is to be freed.
 */

import { relative, sep } from "node:path";
import vm from "node:vm";
import type { Catalog, ChangeSet, LoadFailure, TaskLoader } from "../core/catalog.ts";
import { disposeKept } from "../core/keep.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import type { Task } from "../core/task.ts";
import { taskName } from "../discovery/task-name.ts";
import { catalogChanges } from "./catalog-changes.ts";
import { changedFiles, isFile, realOf } from "./changed-files.ts";
import { ProjectModules, type ProjectModulesOptions } from "./modules/project-modules.ts";
import type { ReloadedModules } from "./modules/reloaded-modules.ts";
import { TaskTable } from "./task-table.ts";
import { TaskVersions } from "./task-versions.ts";

export interface GraphLoaderOptions {
  /** Absolute path; files are named relative to it. */
  readonly projectDir: string;
  /** Absolute path. */
  readonly tasksDir: string;
  /** How long an import may go on when nothing else is being imported. */
  readonly importTimeoutMs: number;
  /** What applies to all tasks: the config's defaults and middleware. */
  readonly layers: readonly TaskLayer[];
  /**
   * Hears of what a function given to `onDispose` or `keep` throws; `source` is the module's file
   * or the key. Default: nobody does.
   */
  readonly onDisposeError?: (error: unknown, source: string) => void;
}

export class GraphLoader implements TaskLoader {
  readonly #options: GraphLoaderOptions;
  readonly #modules: ReloadedModules;
  readonly #tasks: TaskTable;
  readonly #versions = new TaskVersions();
  #catalog: Catalog = { tasks: new Map(), failures: [] };
  #turn: Promise<unknown> = Promise.resolve();

  /** `createModules`: where the modules come from. Default: V8's own. */
  constructor(
    options: GraphLoaderOptions,
    createModules = (its: ProjectModulesOptions): ReloadedModules => new ProjectModules(its),
  ) {
    this.#options = options;
    const { importTimeoutMs, layers, projectDir, tasksDir } = options;
    this.#modules = createModules({
      importTimeoutMs,
      onDisposeError: (error, source) => this.#disposeFailed(error, source),
    });
    const modules = this.#modules;
    this.#tasks = new TaskTable({ projectDir, tasksDir, importTimeoutMs, modules }, layers);
  }

  /** Whether Node runs with `--experimental-vm-modules`. */
  static isAvailable(): boolean {
    return typeof vm.SourceTextModule === "function";
  }

  load(): Promise<Catalog> {
    return this.#next(async () => {
      this.#modules.start();
      await this.#tasks.scan();
      await this.#refresh(new Set());
      return this.#catalog;
    });
  }

  /**
   * Loads again what the files at `paths` (absolute) reach, if they have changed; new versions
   * of the tasks, while the others keep theirs. Rounds run one after another, but an import that
   * hangs does not hold up a newer save of what it imports. Never rejects for a bad file.
   */
  change(paths: readonly string[]): Promise<ChangeSet> {
    this.supersede(paths);
    return this.#next(() => this.#change(paths));
  }

  /** Gives up what is being imported and reaches these files; a `change` with them is to follow. */
  supersede(paths: readonly string[]): void {
    this.#tasks.supersede(paths.map(realOf));
  }

  /** The config has other defaults or middleware now: every task gets a new version. */
  setLayers(layers: readonly TaskLayer[]): Promise<ChangeSet> {
    return this.#next(() => {
      const start = performance.now();
      this.#tasks.setLayers(layers);
      return this.#round([], new Set(), start);
    });
  }

  /**
   * Absolute paths: each project file that was loaded, package.json and tsconfig.json, and what
   * isn't there but would mend an import. May change with every round.
   */
  watchedFiles(): readonly string[] {
    return [...new Set([...this.#modules.contents.files(), ...this.#modules.importedPaths()])];
  }

  acquire(task: Task): void {
    this.#versions.acquire(task);
  }

  release(task: Task): void {
    if (this.#versions.release(task)) this.#sweep();
  }

  /** Disposes of all modules and of what they keep. */
  async close(): Promise<void> {
    this.#tasks.giveUp();
    await this.#next(async () => {
      await this.#modules.stop();
      await disposeKept((error, key) => this.#disposeFailed(error, key));
    });
  }

  #next<Result>(round: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(round);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #change(paths: readonly string[]): Promise<ChangeSet> {
    const start = performance.now();
    const { contents } = this.#modules;
    const imported = new Set(this.#modules.importedPaths());
    const changed = await changedFiles(paths, contents, (path) => imported.has(path));
    if (paths.some((path) => this.#mayAddOrRemove(path))) await this.#tasks.scan();
    const settings = this.#modules.settingsFiles().some((file) => changed.has(file));
    if (settings) this.#modules.invalidateAll();
    const reached = settings ? new Set([...contents.files()]) : this.#modules.reachedBy(changed);
    this.#modules.invalidate(changed, reached);
    return this.#round([...changed], reached, start);
  }

  async #round(
    files: readonly string[],
    reached: ReadonlySet<string>,
    start: number,
  ): Promise<ChangeSet> {
    const before = this.#catalog;
    const tried = await this.#refresh(reached);
    const changes = catalogChanges(before, this.#catalog, tried);
    const cameOrWent = [...changes.added, ...changes.removed].map(({ file }) => file);
    return {
      catalog: this.#catalog,
      files: [...new Set([...files, ...cameOrWent])],
      ...changes,
      durationMs: performance.now() - start,
    };
  }

  async #refresh(reached: ReadonlySet<string>): Promise<Set<LoadFailure>> {
    const { catalog, tried } = await this.#tasks.refresh(reached);
    this.#catalog = catalog;
    this.#versions.publish(this.#tasks.versions());
    for (const file of this.#modules.settingsFiles()) this.#modules.contents.notice(file);
    this.#sweep();
    return tried;
  }

  #sweep(): void {
    this.#modules.sweep([...this.#versions.modules(), ...this.#tasks.otherModules()]);
  }

  /** Whether there may be other files in the tasks folder now than when it was scanned. */
  #mayAddOrRemove(path: string): boolean {
    const { tasksDir } = this.#options;
    if (`${tasksDir}${sep}`.startsWith(`${path}${sep}`)) return true;
    if (!path.startsWith(tasksDir + sep)) return false;
    if (!isFile(path)) return true;
    const inside = relative(tasksDir, path).split(sep).join("/");
    return taskName(inside).kind !== "ignored" && !this.#tasks.has(path);
  }

  #disposeFailed(error: unknown, source: string): void {
    this.#options.onDisposeError?.(error, source);
  }
}
