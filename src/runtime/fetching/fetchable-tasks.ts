/** The tasks of this process, each with the numbers that the queue knows its names by. */

import type pg from "pg";
import type { Task } from "../../core/task.ts";
import { registerTaskNames } from "../../store/queue/register-task-names.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { TaskRegistry } from "../task-registry.ts";
import type { PlannedTask } from "./fetch-plan.ts";

export class FetchableTasks {
  readonly #db: pg.Pool;
  readonly #schemas: Schemas;
  readonly #registry: TaskRegistry;
  #ids: { revision: number; byId: ReadonlyMap<number, string> } | null = null;
  #grouped: { catalog: unknown; byId: unknown; tasks: readonly PlannedTask[] } | null = null;

  constructor(db: pg.Pool, schemas: Schemas, registry: TaskRegistry) {
    this.#db = db;
    this.#schemas = schemas;
    this.#registry = registry;
  }

  /** What `all` would come to at once; null when it would have to ask. */
  get known(): readonly PlannedTask[] | null {
    const { catalog, revision } = this.#registry;
    if (this.#ids?.revision !== revision || this.#grouped?.catalog !== catalog) return null;
    return this.#grouped.byId === this.#ids.byId ? this.#grouped.tasks : null;
  }

  /**
   * The same array until the tasks change. Asks the database only when names have come or gone;
   * a failed question is asked again.
   */
  async all(): Promise<readonly PlannedTask[]> {
    const byId = await this.#byId();
    const { catalog } = this.#registry;
    if (this.#grouped?.catalog !== catalog || this.#grouped.byId !== byId) {
      this.#grouped = { catalog, byId, tasks: this.#group(byId) };
    }
    return this.#grouped.tasks;
  }

  /** The numbers of all names. Asks the database as `all` does. */
  async ids(): Promise<readonly number[]> {
    return [...(await this.#byId()).keys()];
  }

  async #byId(): Promise<ReadonlyMap<number, string>> {
    const { revision } = this.#registry;
    if (this.#ids?.revision !== revision) {
      const names = this.#registry.names();
      const byId = await registerTaskNames(this.#db, this.#schemas, names);
      this.#ids = { revision, byId };
    }
    return this.#ids.byId;
  }

  #group(byId: ReadonlyMap<number, string>): PlannedTask[] {
    const names = new Map<Task, Map<number, string>>();
    for (const [id, name] of byId) {
      const task = this.#registry.find(name);
      if (task === undefined) continue;
      const ofTask = names.get(task) ?? new Map<number, string>();
      names.set(task, ofTask.set(id, name));
    }
    return [...names].map(([task, ofTask]) => ({ task, names: ofTask }));
  }
}
