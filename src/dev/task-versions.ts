/**
 * Which versions of tasks are in use, and by how many attempts. Owns the counts; refuses to know
 * how a version was loaded or what becomes of its modules.
 */

import type { Task } from "../core/task.ts";
import type { LoadedModule } from "./modules/reloaded-modules.ts";

export interface TaskVersion {
  readonly task: Task;
  /** Its own module and those of the folders around it. */
  readonly modules: readonly LoadedModule[];
}

export class TaskVersions {
  readonly #versions = new Map<Task, { version: TaskVersion; attempts: number }>();
  #current: ReadonlySet<TaskVersion> = new Set();

  acquire(task: Task): void {
    const used = this.#versions.get(task);
    if (used !== undefined) used.attempts += 1;
  }

  /** Whether that was the last attempt on a version that has been replaced. */
  release(task: Task): boolean {
    const used = this.#versions.get(task);
    if (used === undefined) return false;
    used.attempts -= 1;
    if (used.attempts > 0 || this.#current.has(used.version)) return false;
    this.#versions.delete(task);
    return true;
  }

  /** From now on these are for new attempts; others stay while attempts run on them. */
  publish(versions: Iterable<TaskVersion>): void {
    this.#current = new Set(versions);
    for (const version of this.#current) {
      if (!this.#versions.has(version.task)) {
        this.#versions.set(version.task, { version, attempts: 0 });
      }
    }
    for (const [task, { version, attempts }] of this.#versions) {
      if (attempts === 0 && !this.#current.has(version)) this.#versions.delete(task);
    }
  }

  /** The modules of every version that is in use. */
  *modules(): Generator<LoadedModule> {
    for (const { version } of this.#versions.values()) yield* version.modules;
  }
}
