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
    this.#catalog = catalog;
    this.#byName = byName;
    this.#revision += 1;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  /** Raised by every `publish`: who derives something from the names sees when to do it anew. */
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
