/**
 * An earlier start's manifest held against the disk: which tasks are as they were then. Each file
 * is looked at once. Owns what makes all of it void: other conditions, a changed package.
 */

import { compareFile } from "./file-stamps.ts";
import type { KnownTask, StartManifest } from "./start-manifest.ts";
import type { TaskFacts } from "./task-facts.ts";

export class KnownStart {
  readonly #manifest: StartManifest | null;
  readonly #tasks: ReadonlyMap<string, KnownTask>;
  readonly #sameFiles = new Map<number, boolean>();
  #outdated = false;

  constructor(manifest: StartManifest | null, conditions: string) {
    const holds =
      manifest?.conditions === conditions &&
      manifest.common.every((file) => this.#isSame(file, manifest));
    this.#manifest = holds ? manifest : null;
    this.#outdated ||= !holds;
    this.#tasks = new Map(this.#manifest?.tasks.map((task) => [task.file, task]));
  }

  /** Whether there is something to write down that the manifest doesn't say. */
  get outdated(): boolean {
    return this.#outdated;
  }

  /** It has turned out that it says what isn't so. */
  refute(): void {
    this.#outdated = true;
  }

  /** The files that the facts of a known task come from; null for any other. */
  filesBehind(file: string): readonly string[] | null {
    const { files } = this.#manifest ?? { files: [] };
    return this.#tasks.get(file)?.from.flatMap((index) => files[index]?.path ?? []) ?? null;
  }

  /** Null when the task has to be imported. `sources` are the files that it is made of at least. */
  find(file: string, sources: readonly string[]): TaskFacts | null {
    const manifest = this.#manifest;
    const task = this.#tasks.get(file);
    if (manifest === null || task === undefined || !this.#isUnchanged(task, sources, manifest)) {
      this.#outdated = true;
      return null;
    }
    return task.facts === null ? null : (manifest.facts[task.facts] ?? null);
  }

  #isUnchanged(task: KnownTask, sources: readonly string[], manifest: StartManifest): boolean {
    const { files } = manifest;
    const isBehind = (path: string) => task.from.some((index) => files[index]?.path === path);
    if (!sources.every(isBehind)) return false;
    return task.from.every((index) => this.#isSame(index, manifest));
  }

  #isSame(index: number, { files }: StartManifest): boolean {
    const known = this.#sameFiles.get(index);
    if (known !== undefined) return known;
    const stamp = files[index];
    const result = stamp === undefined ? "changed" : compareFile(stamp);
    if (result === "touched") this.#outdated = true;
    const isSame = result !== "changed";
    this.#sameFiles.set(index, isSame);
    return isSame;
  }
}
