/**
 * Makes the manifest of a start: the facts of each task and the files that they come from. Owns
 * what else in a project can change what its files are: packages, and how they are compiled.
 */

import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Catalog } from "../../core/catalog.ts";
import type { Task } from "../../core/task.ts";
import { type FileStamp, stampFile } from "./file-stamps.ts";
import type { KnownTask, StartManifest } from "./start-manifest.ts";
import { type TaskFacts, taskFacts } from "./task-facts.ts";

export interface MakeManifestOptions {
  readonly catalog: Catalog;
  readonly conditions: string;
  readonly projectDir: string;
  /** Files that have changed since (epoch) may not be what was imported. */
  readonly sinceMs: number;
  /** Of a task whose code has not been imported. */
  readonly knownFacts: (task: Task) => TaskFacts | null;
  /** Null when they can't all be told. */
  readonly filesBehind: (task: Task) => readonly string[] | null;
  /** Every tsconfig that was read. */
  readonly tsconfigFiles: readonly string[];
}

/** Beside each project's package.json: what says which packages there are. */
const packageFiles = [
  "package.json",
  "package-lock.json",
  "npm-shrinkwrap.json",
  "pnpm-lock.yaml",
  "yarn.lock",
  "bun.lock",
  "bun.lockb",
  "tsconfig.json",
  "node_modules/.package-lock.json",
  "node_modules/.modules.yaml",
  "node_modules/.yarn-state.yml",
  ".pnp.cjs",
];

/** Null when it would be out of date at once: a file that all depend on is being changed. */
export async function makeManifest(options: MakeManifestOptions): Promise<StartManifest | null> {
  const stamps = new Stamps(options.sinceMs);
  const facts = new Places<TaskFacts>();
  const tasks: KnownTask[] = [];
  for (const task of options.catalog.tasks.values()) {
    // Jobs that run already go on in between.
    await nextTurn();
    const from = stamps.all(options.filesBehind(task));
    if (from === null) continue;
    const found = options.knownFacts(task) ?? (await taskFacts(task));
    const { name, file } = task;
    tasks.push({ name, file, facts: found === null ? null : facts.placeOf(found), from });
  }
  for (const { task: name, file } of options.catalog.failures) {
    const from = name === null ? null : stamps.all([file]);
    if (name !== null && from !== null) tasks.push({ name, file, facts: null, from });
  }
  const { projectDir, tsconfigFiles } = options;
  const common = stamps.all([
    ...sharedFiles([...stamps.paths(), join(projectDir, "x")]),
    ...tsconfigFiles,
  ]);
  if (common === null) return null;
  const { conditions } = options;
  return { conditions, files: stamps.list, common, facts: facts.list, tasks };
}

/** In the folders of the files and all around them. */
function sharedFiles(files: readonly string[]): string[] {
  const folders = new Set(files.map(dirname));
  // A set that grows while it is walked.
  for (const folder of folders) folders.add(dirname(folder));
  return [...folders].flatMap((folder) => packageFiles.map((name) => join(folder, name)));
}

/** Each file is looked at once. */
class Stamps {
  readonly list: FileStamp[] = [];
  readonly #places = new Map<string, number | null>();
  readonly #sinceMs: number;

  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  paths(): string[] {
    return this.list.map(({ path }) => path);
  }

  /** Their indexes; null when one of them can't be relied on. */
  all(paths: readonly string[] | null): number[] | null {
    if (paths === null) return null;
    const places: number[] = [];
    for (const path of paths) {
      const place = this.#placeOf(path);
      if (place === null) return null;
      places.push(place);
    }
    return places;
  }

  #placeOf(path: string): number | null {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const stamp = stampFile(path, this.#sinceMs);
    const place = stamp === null ? null : this.list.push(stamp) - 1;
    this.#places.set(path, place);
    return place;
  }
}

/** Equal values once. */
class Places<Value> {
  readonly list: Value[] = [];
  readonly #places = new Map<string, number>();

  placeOf(value: Value): number {
    const key = JSON.stringify(value);
    const place = this.#places.get(key) ?? this.list.push(value) - 1;
    this.#places.set(key, place);
    return place;
  }
}
