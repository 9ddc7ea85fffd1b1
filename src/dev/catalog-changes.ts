/** What is different between two catalogs. */

import type { Catalog, ChangeSet, LoadFailure } from "../core/catalog.ts";

type Changes = Pick<ChangeSet, "added" | "reloaded" | "removed" | "failures">;

/** `tried` are failures that count as new although they were there before. */
export function catalogChanges(
  before: Catalog,
  after: Catalog,
  tried: ReadonlySet<LoadFailure>,
): Changes {
  const known = new Set(before.failures.map(textOf));
  const tasks = [...after.tasks.values()];
  return {
    added: tasks.filter(({ name }) => !before.tasks.has(name)),
    reloaded: tasks.filter((task) => {
      const old = before.tasks.get(task.name);
      return old !== undefined && old !== task;
    }),
    removed: [...before.tasks.values()].filter(({ name }) => !after.tasks.has(name)),
    failures: after.failures.filter((each) => tried.has(each) || !known.has(textOf(each))),
  };
}

function textOf(failure: LoadFailure): string {
  return JSON.stringify(failure);
}
