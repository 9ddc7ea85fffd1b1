/**
 * A file change's way, from the disk to the next attempt: one round after another, each with
 * everything that has changed since the one before.
 *
 *   watch     the folders of every file that was loaded, and the tasks folder
 *   config    who else takes care of a file (configuration, crontab), before the tasks
 *   change    the loader replaces the tasks that use the files, or keeps their last good version
 *   publish   the runtime has them: every attempt from now on runs the new code
 *   tell      what the round did at once; faults when they have lasted, each only once
 */

import { dirname } from "node:path";
import type { ChangeSet, TaskLoader } from "../core/catalog.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Fault, FaultWatch } from "./fault-watch.ts";
import { FileWatcher } from "./watch-files.ts";

/** A loader that can replace what it has loaded. */
export interface ReloadingLoader extends TaskLoader {
  /** After these files (absolute paths) may have changed, come or gone. */
  change(paths: readonly string[]): Promise<ChangeSet>;
  /** Gives up imports under way of what these files reach: `change` is to follow. */
  supersede(paths: readonly string[]): void;
  /** After what applies to all tasks has changed. */
  setLayers(layers: readonly TaskLayer[]): Promise<ChangeSet>;
  /** Every file that was loaded or looked for; absolute paths. */
  watchedFiles(): readonly string[];
}

export interface ReloaderOptions {
  readonly loader: ReloadingLoader;
  readonly runtime: Pick<Runtime, "publish" | "catalog">;
  readonly projectDir: string;
  readonly tasksDir: string;
  /** Folders that are not watched. */
  readonly ignored: readonly string[];
  /**
   * Gets each round's files first. May return what applies to all tasks from now on, and the
   * files that it wants to be watched.
   */
  readonly onFiles: (paths: readonly string[]) => Promise<FilesTaken>;
  readonly report: ReloadReport;
}

export interface FilesTaken {
  readonly layers: readonly TaskLayer[] | null;
  readonly watch: readonly string[];
}

/** What a person should know of the rounds. */
export interface ReloadReport {
  /** A round replaced tasks; `liveMs` is from the first of its changes to the new code. */
  changed(change: ChangeSet, liveMs: number): void;
  /** Faults that are new, and those that are there no more. */
  faults(found: readonly Fault[], mended: readonly Fault[]): void;
  /** The watcher or a round failed by itself; the next round goes on. */
  trouble(error: unknown): void;
}

export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #watcher: FileWatcher;
  readonly #faults: FaultWatch;
  #paths = new Set<string>();
  #since = 0;
  #mayRun = false;
  #running: Promise<void> | null = null;

  constructor(options: ReloaderOptions) {
    const { tasksDir, ignored, report } = options;
    this.#options = options;
    this.#faults = new FaultWatch((found, mended) => report.faults(found, mended));
    this.#watcher = new FileWatcher({
      tasksDir,
      ignored,
      onChange: (paths) => this.#change(paths),
      onError: (error) => report.trouble(error),
    });
  }

  /** Watches from now on; to be called before the tasks are loaded, so that nothing is missed. */
  async watch(): Promise<void> {
    await this.#watcher.start([this.#options.projectDir]);
  }

  /** Begins with the rounds, once the runtime has its first catalog. */
  start(files: readonly string[]): void {
    this.#faults.start(this.#options.runtime.catalog.failures);
    this.#watchFoldersOf(files);
    this.#watchFoldersOf(this.#options.loader.watchedFiles());
    this.#mayRun = true;
    this.#run();
  }

  /** Resolves when the round that is under way has ended; there is none after it. */
  async stop(): Promise<void> {
    this.#mayRun = false;
    this.#faults.stop();
    await this.#watcher.stop();
    await this.#running;
  }

  #change(paths: readonly string[]): void {
    if (this.#paths.size === 0) this.#since = performance.now();
    for (const path of paths) this.#paths.add(path);
    // An import that hangs must not keep the save that mends it waiting.
    if (this.#running !== null) this.#options.loader.supersede(paths);
    this.#run();
  }

  #run(): void {
    if (this.#running !== null || !this.#mayRun || this.#paths.size === 0) return;
    this.#running = this.#rounds().finally(() => {
      this.#running = null;
      this.#run();
    });
  }

  async #rounds(): Promise<void> {
    while (this.#mayRun && this.#paths.size > 0) {
      const paths = [...this.#paths];
      const since = this.#since;
      this.#paths = new Set();
      try {
        await this.#round(paths, since);
      } catch (error) {
        this.#options.report.trouble(error);
      }
    }
  }

  async #round(paths: readonly string[], since: number): Promise<void> {
    const { loader, onFiles } = this.#options;
    const { layers, watch } = await onFiles(paths);
    this.#watchFoldersOf(watch);
    if (layers !== null) this.#accept(await loader.setLayers(layers), since);
    this.#accept(await loader.change(paths), since);
  }

  #accept(change: ChangeSet, since: number): void {
    const { loader, runtime, report } = this.#options;
    runtime.publish(change.catalog);
    this.#watchFoldersOf(loader.watchedFiles());
    if (change.added.length + change.reloaded.length + change.removed.length > 0) {
      report.changed(change, performance.now() - since);
    }
    this.#faults.update(change.catalog.failures);
  }

  #watchFoldersOf(files: readonly string[]): void {
    this.#watcher.add(files.map((file) => dirname(file)));
  }
}
