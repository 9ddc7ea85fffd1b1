/**
 * Tasks and failures made one Catalog: clashing names taken out, both lists sorted.
 * Owns the Catalog's promises; refuses the disk and the import.
 */

import type { Catalog, LoadFailure } from "../core/catalog.ts";
import type { Task } from "../core/task.ts";
import { isLoadFailure } from "./load-failure.ts";
import { nameClashes } from "./name-clashes.ts";

export function assembleCatalog(
  loaded: readonly (Task | LoadFailure)[],
  sourceOf: (file: string) => string,
): Catalog {
  const parsed = loaded.filter((each): each is Task => !isLoadFailure(each));
  const clashes = nameClashes(parsed, sourceOf);
  const clashing = new Set(clashes.map(({ file }) => file));
  const tasks = parsed
    .filter(({ file }) => !clashing.has(file))
    .sort((a, b) => order(a.name, b.name));
  return {
    tasks: new Map(tasks.map((task) => [task.name, task])),
    failures: [...loaded.filter(isLoadFailure), ...clashes].sort(
      (a, b) =>
        order(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0) || order(a.task ?? "", b.task ?? ""),
    ),
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
