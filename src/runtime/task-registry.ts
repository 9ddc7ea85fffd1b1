/**
 * The live map from the names jobs are queued under to the current version of their task.
 * The only thing that changes when code is reloaded: attempts that run keep the version they
 * were started with.
 */

import type { Catalog } from "../core/catalog.ts";
import type { Task } from "../core/task.ts";

export class TaskRegistry {
  #catalog: Catalog = { tasks: new Map(), failures: [] };
  #byName = new Map<string, Task>();
  #revision = 0;

  /** Replaces everything at once. */
  publish(catalog: Catalog): void {
    const byName = new Map<string, Task>();
    for (const task of catalog.tasks.values()) {
      for (const alias of task.aliases) byName.set(alias, task);
    }
    // After the aliases: a task's own name wins.
    for (const task of catalog.tasks.values()) byName.set(task.name, task);
    if (!hasSameKeys(byName, this.#byName)) this.#revision += 1;
    this.#catalog = catalog;
    this.#byName = byName;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  /** Raised when names come or go: who derives something from them sees when to do it anew. */
  get revision(): number {
    return this.#revision;
  }

  /** The current version, by name or alias. */
  find(name: string): Task | undefined {
    return this.#byName.get(name);
  }

  /** Every name and alias. */
  names(): string[] {
    return [...this.#byName.keys()];
  }
}

function hasSameKeys(a: ReadonlyMap<string, Task>, b: ReadonlyMap<string, Task>): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) if (!b.has(key)) return false;
  return true;
}
