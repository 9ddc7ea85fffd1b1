/**
 * Says which files change on disk, in batches: the tasks folder with all that is in it, and
 * single folders without what is beneath them. Owns the timing; refuses to look into the files.
 *
 * A batch is what came within 10 ms of its first event, or within 50 ms when many files change:
 * a stream of events can't hold it back. A file that is empty or gone is looked at again 30 ms
 * later: editors replace files by deleting them first, and programs write them in two steps.
 */

import { existsSync } from "node:fs";
import { basename } from "node:path";
import { FSWatcher } from "chokidar";
import { statsOf } from "./changed-files.ts";

export interface WatchFilesOptions {
  /** Absolute; watched with the folders in it. May be missing, and may come and go. */
  readonly tasksDir: string;
  /** Absolute paths of folders that are left out wherever they are. */
  readonly ignored: readonly string[];
  /** Absolute paths, each once; now and then of files that have not changed. */
  readonly onChange: (paths: readonly string[]) => void;
  /** A folder can't be watched any more; the others are. */
  readonly onError: (error: unknown) => void;
}

const gatherMs = 10;
/** So many files at once are no save by hand: more will come. */
const stormSize = 5;
const stormMs = 40;
const secondLookMs = 30;

export class FileWatcher {
  readonly #options: WatchFilesOptions;
  readonly #deep: FSWatcher;
  readonly #flat: FSWatcher;
  /** The single folders, and whether each was there when it was last heard of. */
  readonly #folders = new Map<string, boolean>();
  #gathered = new Set<string>();
  #gathering: NodeJS.Timeout | undefined;
  readonly #secondLooks = new Map<string, NodeJS.Timeout>();

  constructor(options: WatchFilesOptions) {
    this.#options = options;
    const settings = { atomic: false, ignored: this.#isIgnored };
    this.#deep = new FSWatcher({ ...settings, ignoreInitial: true });
    // Tells what is in a folder as soon as it is watched: it may have changed just before.
    this.#flat = new FSWatcher({ ...settings, ignoreInitial: false, depth: 0 });
    for (const watcher of [this.#deep, this.#flat]) {
      watcher.on("all", (_event, path) => this.#gather(path));
      watcher.on("error", (error) => options.onError(error));
    }
    this.#flat.on("addDir", (path) => this.#watchAgain(path));
    this.#flat.on("unlinkDir", (path) => {
      if (this.#folders.has(path)) this.#folders.set(path, false);
    });
  }

  /** Resolves when every change from now on will be noticed. */
  async start(folders: readonly string[]): Promise<void> {
    const ready = [this.#deep, this.#flat].map(
      (watcher) => new Promise<void>((resolve) => watcher.once("ready", resolve)),
    );
    this.#deep.add(this.#options.tasksDir);
    this.#flat.add(this.#isNew(folders));
    await Promise.all(ready);
  }

  /** Watches these folders as well, each without the folders in it, and tells what is in them. */
  add(folders: readonly string[]): void {
    const added = this.#isNew(folders);
    if (added.length > 0) this.#flat.add(added);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#gathering);
    for (const timer of this.#secondLooks.values()) clearTimeout(timer);
    this.#secondLooks.clear();
    await Promise.all([this.#deep.close(), this.#flat.close()]);
  }

  readonly #isIgnored = (path: string): boolean => {
    const name = basename(path);
    return name === "node_modules" || name === ".git" || this.#options.ignored.includes(path);
  };

  #isNew(folders: readonly string[]): string[] {
    const found = [...new Set(folders)].filter((folder) => !this.#folders.has(folder));
    for (const folder of found) this.#folders.set(folder, existsSync(folder));
    return found;
  }

  /** Without this, a single folder that comes back is told, but nothing in it. */
  #watchAgain(folder: string): void {
    if (this.#folders.get(folder) !== false) return;
    this.#folders.set(folder, true);
    this.#flat.unwatch(folder);
    this.#flat.add(folder);
  }

  #gather(path: string): void {
    this.#gathered.add(path);
    this.#gathering ??= setTimeout(() => this.#tellOrGatherMore(), gatherMs);
  }

  #tellOrGatherMore(): void {
    if (this.#gathered.size < stormSize) this.#tell();
    else this.#gathering = setTimeout(() => this.#tell(), stormMs);
  }

  #tell(): void {
    const gathered = this.#gathered;
    this.#gathered = new Set();
    this.#gathering = undefined;
    const certain: string[] = [];
    for (const path of gathered) {
      if (!isUnfinished(path)) {
        clearTimeout(this.#secondLooks.get(path));
        this.#secondLooks.delete(path);
        certain.push(path);
      } else if (!this.#secondLooks.has(path)) {
        this.#secondLooks.set(
          path,
          setTimeout(() => this.#lookAgain(path), secondLookMs),
        );
      }
    }
    if (certain.length > 0) this.#options.onChange(certain);
  }

  /** Whatever it is by now, that's what it is; those that are due together go together. */
  #lookAgain(first: string): void {
    const due = [first];
    this.#secondLooks.delete(first);
    if (this.#gathering === undefined) {
      for (const [path, timer] of this.#secondLooks) {
        clearTimeout(timer);
        due.push(path);
      }
      this.#secondLooks.clear();
    }
    this.#options.onChange(due);
  }
}

function isUnfinished(path: string): boolean {
  const stats = statsOf(path);
  return stats === null || (stats.isFile() && stats.size === 0);
}
