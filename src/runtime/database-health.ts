/** Says once that the database can't be reached, and once that it answers again. */

import type { RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";

export class DatabaseHealth {
  readonly #events: RuntimeEvents;
  readonly #logger: Logger;
  #away = false;
  #silent = false;

  constructor(events: RuntimeEvents, logger: Logger) {
    this.#events = events;
    this.#logger = logger;
  }

  lost(error: unknown): void {
    if (this.#away || this.#silent) return;
    this.#away = true;
    this.#logger.warn({ err: error }, "waiting for the database");
    this.#events.emit("database:waiting", { error });
  }

  answered(): void {
    if (!this.#away) return;
    this.#away = false;
    this.#logger.info("the database answers again");
    this.#events.emit("database:back");
  }

  /** From now on connections end because we end them. */
  stop(): void {
    this.#silent = true;
  }
}
