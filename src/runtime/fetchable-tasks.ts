/** The current set: which of the queue's task ids this process may fetch, by name. */

import type pg from "pg";
import { registerTaskNames } from "../store/queue/register-task-names.ts";
import type { Schemas } from "../store/schemas.ts";
import type { TaskRegistry } from "./task-registry.ts";

export class FetchableTasks {
  readonly #db: pg.Pool;
  readonly #schemas: Schemas;
  readonly #registry: TaskRegistry;
  #known: { revision: number; byId: ReadonlyMap<number, string> } | null = null;

  constructor(db: pg.Pool, schemas: Schemas, registry: TaskRegistry) {
    this.#db = db;
    this.#schemas = schemas;
    this.#registry = registry;
  }

  /** Asks the database only when the registry has changed; a failed question is asked again. */
  async byId(): Promise<ReadonlyMap<number, string>> {
    const { revision } = this.#registry;
    if (this.#known?.revision !== revision) {
      const names = this.#registry.names();
      const byId = await registerTaskNames(this.#db, this.#schemas, names);
      this.#known = { revision, byId };
    }
    return this.#known.byId;
  }
}
