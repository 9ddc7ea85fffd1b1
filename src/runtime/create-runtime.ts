/**
 * One process's life: puts the rooms together and starts and stops them in order. A table of
 * contents; each line's how is in the file it names.
 */

import type pg from "pg";
import type { Catalog } from "../core/catalog.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import { createEvents, type RuntimeEvents } from "../core/events.ts";
import type { OutcomeState } from "../core/outcome.ts";
import type { Task } from "../core/task.ts";
import { ShutdownError } from "../core/task-errors.ts";
import { migrate } from "../store/migrate.ts";
import { createHandlerPool, createQueuePool, endPool } from "../store/pools.ts";
import { fetchJob } from "../store/queue/fetch.ts";
import { type Schemas, schemasFor } from "../store/schemas.ts";
import { Attempt, type AttemptServices } from "./attempt.ts";
import { Crontab, type CrontabOptions } from "./crontab.ts";
import { DatabaseHealth } from "./database-health.ts";
import { Dispatcher } from "./dispatcher.ts";
import { createEnqueuer } from "./enqueue.ts";
import { executeAttempt } from "./execute-attempt.ts";
import { FetchableTasks } from "./fetchable-tasks.ts";
import { JobFetcher } from "./job-fetcher.ts";
import { LockKeeper } from "./lock-keeper.ts";
import { Presence } from "./presence.ts";
import { ProgressWriter } from "./progress-writer.ts";
import type { DrainCounts, Runtime, RuntimeOptions } from "./runtime.ts";
import { Settler } from "./settle.ts";
import { shutDown } from "./shutdown.ts";
import { TaskRegistry } from "./task-registry.ts";
import { taskrunVersion } from "./version.ts";
import { Wake } from "./wake.ts";

export function createRuntime(options: RuntimeOptions): Runtime {
  return new WorkerRuntime(options);
}

class WorkerRuntime implements Runtime {
  readonly events: RuntimeEvents;
  readonly #options: RuntimeOptions;
  readonly #schemas: Schemas;
  /** What most parts need. */
  readonly #shared: RuntimeOptions & Pick<CrontabOptions, "db" | "schemas" | "events">;
  readonly #registry = new TaskRegistry();
  readonly #queuePool: pg.Pool;
  readonly #handlerPool: pg.Pool;
  readonly #health: DatabaseHealth;
  readonly #fetcher: JobFetcher;
  readonly #settler: Settler;
  readonly #dispatcher: Dispatcher;
  readonly #presence: Presence;
  readonly #wake: Wake;
  readonly #progress: ProgressWriter;
  readonly #locks: LockKeeper;
  readonly #crontab: Crontab;
  readonly #services: AttemptServices;
  readonly #hurry = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #prepared: Promise<void> | null = null;
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;
  #paused = false;

  constructor(options: RuntimeOptions) {
    const { config, connectionString, logger } = options;
    this.#options = options;
    this.events = createEvents((err, event) => logger.error({ err, event }, "a listener failed"));
    this.#schemas = schemasFor(config.schema);
    const onError = (error: Error) => logger.debug({ err: error }, "lost an idle connection");
    // Two fetches, two settlements, and what presence and progress need now and then.
    this.#queuePool = createQueuePool({ connectionString, max: 5, onError });
    const [db, schemas, events] = [this.#queuePool, this.#schemas, this.events];
    this.#shared = { ...options, db, schemas, events };
    const max = config.handlerPoolSize;
    this.#handlerPool = createHandlerPool({ connectionString, max, onError });
    this.#health = new DatabaseHealth(this.events, logger);
    this.#fetcher = new JobFetcher({
      ...this.#shared,
      tasks: new FetchableTasks(db, schemas, this.#registry),
      processId: () => this.#presence.processId,
    });
    this.#settler = new Settler({
      ...this.#shared,
      onSettled: (batch) => this.#dispatcher.settled(batch),
    });
    this.#progress = new ProgressWriter(this.#shared);
    this.#services = this.#createServices();
    this.#dispatcher = this.#createDispatcher();
    this.#presence = this.#createPresence();
    this.#locks = this.#createLockKeeper();
    this.#crontab = new Crontab({ ...this.#shared, tasks: this.#registry });
    this.#wake = new Wake({
      connectionString,
      pollIntervalMs: config.pollIntervalMs,
      onWake: () => this.#dispatcher.wake(),
      onLost: (error) => this.#health.lost(error),
      onBack: () => this.#health.answered(),
    });
  }

  get processId(): string {
    return this.#presence.processId;
  }

  get catalog(): Catalog {
    return this.#registry.catalog;
  }

  get crontab(): ParsedCrontab {
    return this.#crontab.content;
  }

  get running(): number {
    return this.#dispatcher.running.size;
  }

  async start(): Promise<void> {
    await this.#begin();
    await this.#crontab.start();
  }

  async drain(): Promise<DrainCounts> {
    const before = { ...this.#settler.counts };
    await this.#begin();
    this.#dispatcher.wake();
    await Promise.race([this.#dispatcher.untilDrained(), this.#ended.promise]);
    const { lost: _, ...counts } = this.#settler.counts;
    // why: the record has exactly these keys
    for (const state of Object.keys(counts) as OutcomeState[]) counts[state] -= before[state];
    return counts;
  }

  publish(catalog: Catalog): void {
    this.#registry.publish(catalog);
    this.#dispatcher.wake();
    void this.#crontab.recheck();
  }

  reloadCrontab(text: string): Promise<ParsedCrontab> {
    return this.#crontab.reload(text);
  }

  runningOnOtherVersions(task: Task): number {
    let count = 0;
    for (const attempt of this.#dispatcher.running) {
      if (attempt.task.name === task.name && attempt.task !== task) count += 1;
    }
    return count;
  }

  get paused(): boolean {
    return this.#paused;
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await this.#started;
    if (this.#paused) await this.#dispatcher.stopFetching();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#stopped === null) this.#dispatcher.start();
  }

  async runJob(id: string): Promise<boolean> {
    await this.#prepare();
    const { processId } = this.#presence;
    const job = await fetchJob(this.#queuePool, this.#schemas, { processId, id });
    if (job === null) return false;
    await this.#dispatcher.runOne(job);
    return true;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  stopNow(): Promise<void> {
    this.#hurry.abort();
    return this.stop();
  }

  /** Everything but the crontab: a drain has nothing to add. */
  #begin(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    await this.#prepare();
    if (!this.#paused) this.#dispatcher.start();
    this.#locks.start();
    await this.#wake.start();
  }

  #prepare(): Promise<void> {
    this.#prepared ??= this.#loadAndRegister();
    return this.#prepared;
  }

  async #loadAndRegister(): Promise<void> {
    const { config, connectionString, loader } = this.#options;
    const [catalog] = await Promise.all([
      loader.load(),
      migrate(connectionString, { schema: config.schema }),
    ]);
    this.#registry.publish(catalog);
    await this.#presence.start();
  }

  async #stop(): Promise<void> {
    const { config, loader } = this.#options;
    await (this.#started ?? this.#prepared)?.catch(() => {});
    this.#health.stop();
    this.#locks.stop();
    const [written] = await Promise.all([
      shutDown({
        dispatcher: this.#dispatcher,
        settler: this.#settler,
        graceMs: config.shutdownGraceMs,
        deadlineMs: config.shutdownDeadlineMs,
        hurry: this.#hurry.signal,
      }),
      this.#wake.stop(),
      this.#crontab.stop(),
    ]);
    this.#ended.resolve();
    await this.#presence.stop(written && !this.#locks.suspicious);
    const endPools = () => Promise.all([endPool(this.#queuePool), endPool(this.#handlerPool)]);
    await loader.close().finally(endPools);
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
    const { config, loader } = this.#options;
    return new Dispatcher({
      concurrency: config.concurrency,
      settler: this.#settler,
      fetch: (limit) => this.#fetcher.fetch(limit),
      findTask: (name) => this.#registry.find(name),
      createAttempt: (job, task) => {
        loader.acquire?.(task);
        return new Attempt(job, task, this.#services);
      },
      onAttemptEnd: (task) => loader.release?.(task),
      progressWritten: (jobId) => this.#progress.written(jobId),
      execute: executeAttempt,
      onFetchError: (error) => {
        this.#locks.expectGhosts();
        this.#health.lost(error);
      },
      onFetched: () => this.#health.answered(),
    });
  }

  #createPresence(): Presence {
    return new Presence({
      ...this.#shared,
      version: taskrunVersion,
      heartbeatIntervalMs: this.#options.config.heartbeatIntervalMs,
      onReplaced: () => {
        const reason = new ShutdownError("this process was declared dead; its jobs run elsewhere");
        for (const attempt of this.#dispatcher.running) attempt.abort(reason);
        this.#dispatcher.dropWaiting();
      },
      onRescued: () => this.#dispatcher.wake(),
    });
  }

  #createLockKeeper(): LockKeeper {
    return new LockKeeper({
      ...this.#shared,
      dispatcher: this.#dispatcher,
      settler: this.#settler,
      processId: () => this.#presence.processId,
    });
  }
}
