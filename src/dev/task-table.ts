/**
 * Every task file with its newest and its last good version. Owns which tasks are loaded again
 * and what the catalog has when some of them can't be; refuses to know what changed on disk.
 */

import { realpath } from "node:fs/promises";
import type { Catalog, LoadFailure } from "../core/catalog.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import { assembleCatalog } from "../discovery/assemble-catalog.ts";
import { folderScopes, isAround, type Scopes, scopeFailureOf } from "../discovery/folder-scopes.ts";
import { importFailure } from "../discovery/import-failure.ts";
import { ImportPatience, type ImportResult } from "../discovery/import-module.ts";
import { isLoadFailure, loadFailure } from "../discovery/load-failure.ts";
import { fileClashes } from "../discovery/name-clashes.ts";
import { asGiven, sourcePath } from "../discovery/native-loader.ts";
import { parseTask } from "../discovery/parse-task.ts";
import { type ScannedTasks, type ScopeFile, scan, type TaskFile } from "../discovery/scan.ts";
import { withoutExit } from "../discovery/without-exit.ts";
import type { LoadedModule, ReloadedModules } from "./modules/reloaded-modules.ts";
import type { TaskVersion } from "./task-versions.ts";

export interface TaskTableOptions {
  readonly projectDir: string;
  readonly tasksDir: string;
  readonly importTimeoutMs: number;
  readonly modules: ReloadedModules;
}

/** A task file. */
interface Slot {
  readonly file: TaskFile;
  /** What its options came from when it was loaded, besides its own file. */
  surroundings: string;
  /** In the catalog. */
  live: TaskVersion | null;
  /** Loaded, and to be in the catalog unless another task has its names. */
  candidate: TaskVersion | null;
  failure: LoadFailure | null;
}

/** A `_defaults` or `_middleware` file. */
interface LoadedScope {
  readonly generation: number;
  readonly record: LoadedModule | null;
  readonly imported: { readonly module: object } | LoadFailure;
}

/** null: a newer save came before it was there. */
type Imported = { readonly module: object; readonly record: LoadedModule } | LoadFailure | null;

export class TaskTable {
  readonly #options: TaskTableOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #scopes = new Map<string, LoadedScope>();
  readonly #versionNumbers = new Map<string, number>();
  /** The imports under way by real path, and how to give them up. */
  readonly #underWay = new Map<string, () => void>();
  #found: ScannedTasks = { tasks: [], scopes: [], failures: [] };
  #realDir: string;
  #layers: readonly TaskLayer[];
  #generation = 0;
  #layersGeneration = 0;
  #patience: ImportPatience;

  constructor(options: TaskTableOptions, layers: readonly TaskLayer[]) {
    this.#options = options;
    this.#layers = layers;
    this.#realDir = options.projectDir;
    this.#patience = new ImportPatience(options.importTimeoutMs);
  }

  /** The next `refresh` gives these to every task. */
  setLayers(layers: readonly TaskLayer[]): void {
    this.#layers = layers;
    this.#layersGeneration += 1;
  }

  /** Gives up each import under way that reaches a file (a real path) which was saved since. */
  supersede(files: readonly string[]): void {
    const { modules } = this.#options;
    if (this.#underWay.size === 0) return;
    const saved = files.filter((file) => modules.contents.differs(file));
    for (const [entry, giveUp] of this.#underWay) {
      const reached = saved.length > 0 ? modules.reachedFrom(entry) : new Set();
      if (saved.some((file) => reached.has(file))) giveUp();
    }
  }

  /** Gives up every import under way. */
  giveUp(): void {
    for (const giveUp of this.#underWay.values()) giveUp();
  }

  /** Looks what there is in the folder now. */
  async scan(): Promise<void> {
    const { projectDir, tasksDir } = this.#options;
    this.#realDir = await realpath(projectDir).catch(() => projectDir);
    this.#found = await scan(tasksDir);
    const files = new Set(this.#found.tasks.map(({ file }) => file));
    for (const file of this.#slots.keys()) if (!files.has(file)) this.#slots.delete(file);
    const scopes = new Set(this.#found.scopes.map(({ file }) => file));
    for (const file of this.#scopes.keys()) if (!scopes.has(file)) this.#scopes.delete(file);
  }

  /** Whether a task or a folder's scope was found at `file`, by the path that was given. */
  has(file: string): boolean {
    return this.#slots.has(file) || this.#found.scopes.some((scope) => scope.file === file);
  }

  /**
   * Loads what is new, what is in `reached` (real paths), and what is around those. Returns the
   * catalog from now on, and the failures of what was tried.
   */
  async refresh(
    reached: ReadonlySet<string>,
  ): Promise<{ catalog: Catalog; tried: Set<LoadFailure> }> {
    this.#patience = new ImportPatience(this.#options.importTimeoutMs);
    const { scopes: scopeFiles, tasks, failures } = this.#found;
    for (const { file, real } of scopeFiles) if (reached.has(real)) this.#scopes.delete(file);
    const scopes = folderScopes(scopeFiles, (scope) => this.#importScope(scope), this.#sourceOf);
    // Each scope has its generation after this.
    const scopeFailures = await scopes.failures();
    const duplicates = fileClashes(tasks, this.#sourceOf);
    const duplicated = new Set(duplicates.map(({ file }) => file));
    const slots = tasks.flatMap((file) => this.#slotToLoad(file, reached, duplicated));
    await Promise.all(slots.map((slot) => this.#load(slot, scopes)));
    const catalog = this.#assemble([...failures, ...duplicates, ...scopeFailures]);
    const tried = new Set(slots.flatMap(({ failure }) => (failure === null ? [] : [failure])));
    return { catalog, tried };
  }

  /** The version of each task in the catalog. */
  versions(): TaskVersion[] {
    return [...this.#slots.values()].flatMap(({ live }) => (live === null ? [] : [live]));
  }

  /** The modules that are needed besides those of `versions`. */
  otherModules(): LoadedModule[] {
    const candidates = [...this.#slots.values()].flatMap(({ candidate }) => [
      ...(candidate?.modules ?? []),
    ]);
    const scopes = [...this.#scopes.values()].flatMap(({ record }) => record ?? []);
    return [...candidates, ...scopes];
  }

  readonly #sourceOf = (file: string): string => sourcePath(this.#options.projectDir, file);

  #slotToLoad(
    file: TaskFile,
    reached: ReadonlySet<string>,
    duplicated: ReadonlySet<string>,
  ): Slot[] {
    const slot = this.#slots.get(file.file);
    const surroundings = this.#surroundingsOf(file);
    const wanted = reached.has(file.real) || slot?.surroundings !== surroundings;
    if (duplicated.has(file.file)) {
      // What it missed is made up for when the other file has gone.
      if (wanted && slot !== undefined) slot.surroundings = "";
      return [];
    }
    if (!wanted) return [];
    const fresh = { file, live: null, candidate: null, failure: null };
    const loaded = Object.assign(slot ?? fresh, { surroundings });
    this.#slots.set(file.file, loaded);
    return [loaded];
  }

  #surroundingsOf(task: TaskFile): string {
    const around = this.#found.scopes.filter((scope) => isAround(scope, task));
    const generations = around.map(({ file }) => this.#scopes.get(file)?.generation);
    return JSON.stringify([this.#layersGeneration, generations]);
  }

  async #importScope(scope: ScopeFile): Promise<LoadedScope["imported"]> {
    const known = this.#scopes.get(scope.file);
    if (known !== undefined) return known.imported;
    const imported = await this.#import(scope, null);
    // The next round asks again.
    if (imported === null) return supersededScope(scope);
    const record = isLoadFailure(imported) ? null : imported.record;
    this.#generation += 1;
    this.#scopes.set(scope.file, { generation: this.#generation, record, imported });
    return imported;
  }

  async #load(slot: Slot, scopes: Scopes): Promise<void> {
    const { file } = slot;
    slot.candidate = null;
    const { layers, broken } = await scopes.around(file);
    slot.failure = scopeFailureOf(file, broken, this.#sourceOf);
    if (slot.failure !== null) return;
    const imported = await this.#import(file, file.name);
    if (imported === null) {
      slot.surroundings = "";
      return;
    }
    if (isLoadFailure(imported)) {
      slot.failure = imported;
      return;
    }
    const version = (this.#versionNumbers.get(file.name) ?? 0) + 1;
    const parsed = parseTask(imported.module, {
      name: file.name,
      file: file.file,
      source: this.#sourceOf(file.file),
      version,
      layers: [...this.#layers, ...layers],
    });
    if (isLoadFailure(parsed)) {
      slot.failure = parsed;
      return;
    }
    this.#versionNumbers.set(file.name, version);
    slot.candidate = { task: parsed, modules: [imported.record, ...this.#scopeModules(file)] };
  }

  #scopeModules(task: TaskFile): LoadedModule[] {
    const around = this.#found.scopes.filter((scope) => isAround(scope, task));
    return around.flatMap(({ file }) => this.#scopes.get(file)?.record ?? []);
  }

  async #import({ file, real }: TaskFile | ScopeFile, task: string | null): Promise<Imported> {
    const { importTimeoutMs: timeoutMs, modules, projectDir } = this.#options;
    const made: { record: LoadedModule | null } = { record: null };
    const superseded = Promise.withResolvers<ImportResult>();
    this.#underWay.set(real, () => superseded.resolve({ state: "failed", error: superseded }));
    const result = await this.#patience.limit(() =>
      Promise.race([superseded.promise, withoutExit(() => importInto(made, modules, real))]),
    );
    this.#underWay.delete(real);
    if (result.state === "imported" && made.record !== null) {
      return { module: result.module, record: made.record };
    }
    modules.abandon(real);
    if (result.state === "failed" && result.error === superseded) return null;
    const failed = { task, file: real, hooks: modules.trail, timeoutMs };
    const failure = await importFailure(
      failed,
      result.state === "failed" ? result : { state: "stuck" },
    );
    return asGiven(failure, { file, real }, { projectDir, realDir: this.#realDir });
  }

  /** Candidates become live, but those that claim a name of another: they stay as they were. */
  #assemble(others: readonly LoadFailure[]): Catalog {
    const slots = [...this.#slots.values()];
    const failures = [...slots.flatMap(({ failure }) => failure ?? []), ...others];
    const tasks = slots.flatMap(({ candidate, live }) => (candidate ?? live)?.task ?? []);
    const wanted = assembleCatalog([...tasks, ...failures], this.#sourceOf);
    const refused = new Set<string>();
    for (const slot of slots) {
      if (slot.candidate === null) continue;
      if (wanted.tasks.get(slot.file.name) === slot.candidate.task) {
        slot.live = slot.candidate;
        slot.candidate = null;
      } else {
        refused.add(slot.file.file);
      }
    }
    if (refused.size === 0) return wanted;
    const clashes = wanted.failures.filter(
      ({ code, file }) => code === "duplicate-name" && refused.has(file),
    );
    const liveTasks = slots.flatMap(({ live }) => live?.task ?? []);
    return assembleCatalog([...liveTasks, ...failures, ...clashes], this.#sourceOf);
  }
}

async function importInto(
  made: { record: LoadedModule | null },
  modules: ReloadedModules,
  file: string,
): Promise<ImportResult> {
  try {
    made.record = await modules.import(file);
    return { state: "imported", module: made.record.namespace };
  } catch (error) {
    return { state: "failed", error };
  }
}

function supersededScope({ file }: ScopeFile): LoadFailure {
  const reason = "it was saved again while it was being loaded";
  const fix = "It is loaded again in a moment.";
  return loadFailure({ code: "import-timeout", task: null, file, reason, fix });
}
