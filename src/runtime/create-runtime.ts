/**
 * One process's life: puts the rooms together and starts and stops them in order. A table of
 * contents; each line's how is in the file it names.
 */

import type pg from "pg";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog, TaskLoader } from "../core/catalog.ts";
import { createEvents, type RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";
import type { OutcomeState } from "../core/outcome.ts";
import { ShutdownError } from "../core/task-errors.ts";
import { migrate } from "../store/migrate.ts";
import { createHandlerPool, createQueuePool } from "../store/pools.ts";
import { fetchJobs } from "../store/queue/fetch.ts";
import type { QueueJob } from "../store/queue/queue-job.ts";
import { registerTaskNames } from "../store/queue/task-ids.ts";
import { type Schemas, schemasFor } from "../store/schemas.ts";
import { Attempt, type AttemptServices } from "./attempt.ts";
import { Dispatcher } from "./dispatcher.ts";
import { createEnqueuer } from "./enqueue.ts";
import { executeAttempt } from "./execute-attempt.ts";
import { LockKeeper } from "./lock-keeper.ts";
import { Presence } from "./presence.ts";
import { ProgressWriter } from "./progress-writer.ts";
import { Settler } from "./settle.ts";
import { shutDown } from "./shutdown.ts";
import { TaskRegistry } from "./task-registry.ts";
import { taskrunVersion } from "./version.ts";
import { Wake } from "./wake.ts";

export interface RuntimeOptions {
  readonly config: ResolvedConfig;
  readonly connectionString: string;
  readonly loader: TaskLoader;
  readonly logger: Logger;
}

/** How many attempts ended how. */
export type DrainCounts = Readonly<Record<OutcomeState, number>>;

export interface Runtime {
  /** What the queue's locks carry. Another one after this process was declared dead. */
  readonly processId: string;
  /** The tasks and the load failures; empty before `start`. */
  readonly catalog: Catalog;
  readonly events: RuntimeEvents;
  /** Attempts that run at this moment. */
  readonly running: number;
  /**
   * Migrates the database, loads the tasks and starts working. Tasks that can't be loaded are
   * in `catalog.failures` and stop nobody.
   *
   * @throws what the database throws, and TaskrunError `schema-newer` or `queue-incompatible`.
   */
  start(): Promise<void>;
  /** Resolves when nothing is due any more; starts first if need be. Retries that are due later are left. */
  drain(): Promise<DrainCounts>;
  /** Graceful: handlers may end, within the grace and the deadline of the config. */
  stop(): Promise<void>;
  /** Aborts every handler and gives its job back; hastens a `stop` that is under way. */
  stopNow(): Promise<void>;
}

export function createRuntime(options: RuntimeOptions): Runtime {
  return new WorkerRuntime(options);
}

class WorkerRuntime implements Runtime {
  readonly events = createEvents();
  readonly #options: RuntimeOptions;
  readonly #schemas: Schemas;
  readonly #registry = new TaskRegistry();
  readonly #queuePool: pg.Pool;
  readonly #handlerPool: pg.Pool;
  readonly #settler: Settler;
  readonly #dispatcher: Dispatcher;
  readonly #presence: Presence;
  readonly #wake: Wake;
  readonly #progress: ProgressWriter;
  readonly #locks: LockKeeper;
  readonly #services: AttemptServices;
  readonly #hurry = new AbortController();
  #taskNames: { revision: number; byId: Map<number, string> } | null = null;
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;
  #waiting = false;

  constructor(options: RuntimeOptions) {
    const { config, connectionString, logger } = options;
    this.#options = options;
    this.#schemas = schemasFor(config.schema);
    const onError = (error: Error) => logger.debug({ err: error }, "lost an idle connection");
    // Two fetches, two settlements, and what presence and progress need now and then.
    this.#queuePool = createQueuePool({ connectionString, max: 5, onError });
    const max = config.handlerPoolSize;
    this.#handlerPool = createHandlerPool({ connectionString, max, onError });
    this.#settler = this.#createSettler();
    this.#progress = new ProgressWriter({ db: this.#queuePool, schemas: this.#schemas, logger });
    this.#services = this.#createServices();
    this.#dispatcher = this.#createDispatcher();
    this.#presence = this.#createPresence();
    this.#locks = this.#createLockKeeper();
    this.#wake = new Wake({
      connectionString,
      pollIntervalMs: config.pollIntervalMs,
      onWake: () => this.#dispatcher.wake(),
      onLost: (error) => this.#waitForDatabase(error),
      onBack: () => this.#databaseIsBack(),
    });
  }

  get processId(): string {
    return this.#presence.processId;
  }

  get catalog(): Catalog {
    return this.#registry.catalog;
  }

  get running(): number {
    return this.#dispatcher.running.size;
  }

  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async drain(): Promise<DrainCounts> {
    const before = { ...this.#settler.counts };
    await this.start();
    this.#dispatcher.wake();
    await this.#dispatcher.untilDrained();
    const { lost: _, ...counts } = this.#settler.counts;
    for (const state of Object.keys(counts) as OutcomeState[]) counts[state] -= before[state]; // why: the record has exactly these keys
    return counts;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  stopNow(): Promise<void> {
    this.#hurry.abort();
    return this.stop();
  }

  async #start(): Promise<void> {
    const { config, connectionString, loader } = this.#options;
    const [catalog] = await Promise.all([
      loader.load(),
      migrate(connectionString, { schema: config.schema }),
    ]);
    this.#registry.publish(catalog);
    await this.#presence.start();
    this.#dispatcher.start();
    this.#locks.start();
    await this.#wake.start();
  }

  async #stop(): Promise<void> {
    const { config, loader } = this.#options;
    await this.#started?.catch(() => {});
    this.#locks.stop();
    await Promise.all([
      this.#wake.stop(),
      shutDown({
        dispatcher: this.#dispatcher,
        settler: this.#settler,
        graceMs: config.shutdownGraceMs,
        deadlineMs: config.shutdownDeadlineMs,
        hurry: this.#hurry.signal,
      }),
    ]);
    await this.#presence.stop();
    await loader.close();
    await Promise.all([endPool(this.#queuePool), endPool(this.#handlerPool)]);
  }

  #createSettler(): Settler {
    return new Settler({
      db: this.#queuePool,
      schemas: this.#schemas,
      events: this.events,
      logger: this.#options.logger,
      onSettled: (batch) => this.#dispatcher.settled(batch),
    });
  }

  #createServices(): AttemptServices {
    const { config, logger } = this.#options;
    const { enqueue } = createEnqueuer({
      db: this.#handlerPool,
      schemas: this.#schemas,
      findTask: (name) => this.#registry.find(name),
    });
    return {
      logger,
      pool: this.#handlerPool,
      enqueue,
      saveProgress: (attempt, progress) => this.#progress.save(attempt.job.id, progress),
      settings: {
        timeoutGraceMs: config.timeoutGraceMs,
        logPayloads: config.logPayloads,
        classify: config.classify,
      },
    };
  }

  #createDispatcher(): Dispatcher {
    const { config, logger } = this.#options;
    return new Dispatcher({
      concurrency: config.concurrency,
      logger,
      settler: this.#settler,
      fetch: (limit) => this.#fetch(limit),
      findTask: (name) => this.#registry.find(name),
      createAttempt: (job, task) => new Attempt(job, task, this.#services),
      execute: executeAttempt,
      onFetchError: (error) => {
        this.#locks.expectGhosts();
        this.#waitForDatabase(error);
      },
      onFetched: () => this.#databaseIsBack(),
    });
  }

  #createPresence(): Presence {
    const { config, connectionString, logger } = this.#options;
    return new Presence({
      db: this.#queuePool,
      schemas: this.#schemas,
      connectionString,
      version: taskrunVersion,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      events: this.events,
      logger,
      onReplaced: () => {
        const reason = new ShutdownError("this process was declared dead; its jobs run elsewhere");
        for (const attempt of this.#dispatcher.running) attempt.abort(reason);
      },
      onRescued: () => this.#dispatcher.wake(),
    });
  }

  #createLockKeeper(): LockKeeper {
    return new LockKeeper({
      db: this.#queuePool,
      schemas: this.#schemas,
      logger: this.#options.logger,
      dispatcher: this.#dispatcher,
      settler: this.#settler,
      processId: () => this.#presence.processId,
    });
  }

  async #fetch(limit: number): Promise<QueueJob[]> {
    const taskNames = await this.#currentTaskNames();
    if (taskNames.size === 0) return [];
    const { processId } = this.#presence;
    return fetchJobs(this.#queuePool, this.#schemas, { processId, taskNames, limit });
  }

  async #currentTaskNames(): Promise<ReadonlyMap<number, string>> {
    const { revision } = this.#registry;
    if (this.#taskNames?.revision !== revision) {
      const names = this.#registry.names();
      const byId = await registerTaskNames(this.#queuePool, this.#schemas, names);
      this.#taskNames = { revision, byId };
    }
    return this.#taskNames.byId;
  }

  #waitForDatabase(error: unknown): void {
    const { logger } = this.#options;
    if (this.#waiting || this.#stopped !== null) return;
    this.#waiting = true;
    logger.warn({ err: error }, "waiting for the database");
    this.events.emit("database:waiting", { error });
  }

  #databaseIsBack(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#options.logger.info("the database answers again");
    this.events.emit("database:back");
  }
}

/** A connection that no longer answers must not hold up the end of the process. */
async function endPool(pool: pg.Pool): Promise<void> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, 1000).unref());
  await Promise.race([pool.end().catch(() => {}), late]);
}
