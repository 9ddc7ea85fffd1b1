/**
 * Keeps what the database knows of this process's tasks up to date: written after the start,
 * after every change of the code, and when the process goes on under another id. Off the way of
 * the jobs: nothing waits for it, and it tries again until the database takes it.
 */

import type pg from "pg";
import type { RuntimeEvents } from "../../core/events.ts";
import type { Logger } from "../../core/logger.ts";
import type { Schemas } from "../../store/schemas.ts";
import { isRefusal, pause, retryTransient } from "../../store/transient.ts";
import type { BackgroundService } from "../background-service.ts";
import type { TaskRegistry } from "../task-registry.ts";
import { publishTasks } from "./publish-tasks.ts";

export interface TaskPublisherOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly registry: TaskRegistry;
  readonly processId: () => string;
  readonly events: RuntimeEvents;
  readonly logger: Logger;
}

/** A stop without a database takes no longer. */
const longestStopMs = 1000;

export class TaskPublisher implements BackgroundService {
  readonly #options: TaskPublisherOptions;
  readonly #stopped = new AbortController();
  readonly #again = () => this.tasksChanged();
  #publishing: Promise<void> | null = null;
  #outdated = false;

  constructor(options: TaskPublisherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.events.on("process:replaced", this.#again);
    this.tasksChanged();
  }

  /** Writes it all anew, or once more when it is being written just now. */
  tasksChanged(): void {
    if (this.#stopped.signal.aborted) return;
    this.#outdated = true;
    this.#publishing ??= this.#publishAll().finally(() => {
      this.#publishing = null;
    });
  }

  /** What is being written is written, if the database answers. */
  async stop(): Promise<void> {
    this.#options.events.off("process:replaced", this.#again);
    this.#stopped.abort();
    if (this.#publishing === null) return;
    const enough = new AbortController();
    await Promise.race([this.#publishing, pause(longestStopMs, enough.signal)]);
    enough.abort();
  }

  async #publishAll(): Promise<void> {
    const { db, schemas, registry, processId, events, logger } = this.#options;
    while (this.#outdated) {
      this.#outdated = false;
      try {
        const names = await retryTransient(
          () => publishTasks({ db, schemas, catalog: registry.catalog, processId: processId() }),
          { signal: this.#stopped.signal, retries: (error) => !isRefusal(error) },
        );
        events.emit("tasks:published", { names });
      } catch (error) {
        // Jobs run as well without it; what is added by SQL is checked by what was said before.
        logger.warn({ err: error }, "could not write down what the tasks are");
      }
    }
  }
}
