/** One process's life: starts its parts in order, stops them in order. */

import type { Catalog } from "../core/catalog.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import type { RuntimeEvents } from "../core/events.ts";
import type { OutcomeState } from "../core/outcome.ts";
import type { Task } from "../core/task.ts";
import { migrateIfNeeded } from "../store/migrate.ts";
import { endPool } from "../store/pools.ts";
import { fetchJob } from "../store/queue/fetch.ts";
import { retryTransient } from "../store/transient.ts";
import type { ErrorOrigin } from "./attempt/error-origins.ts";
import { createParts, type Parts, replaceTasks } from "./create-parts.ts";
import type { DrainCounts, Runtime, RuntimeOptions } from "./runtime.ts";
import { shutDown } from "./shutdown.ts";
import { startPatience } from "./start-patience.ts";
import { within } from "./within.ts";

export function createRuntime(options: RuntimeOptions): Runtime {
  return new WorkerRuntime(options);
}

// Signing off, when the database hangs just then. A stop's longest: grace, deadline, and 15 s.
const signOffMs = 5_000;
// A stop that comes while starting waits no longer than this for a database that hangs.
const startEndsMs = 5_000;

class WorkerRuntime implements Runtime {
  readonly #parts: Parts;
  readonly #hurry = new AbortController();
  readonly #stopping = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #prepared: Promise<void> | null = null;
  #started: Promise<void> | null = null;
  #stopped: Promise<boolean> | null = null;
  #paused = false;
  /** The start has come so far that jobs may be taken. */
  #mayFetch = false;

  constructor(options: RuntimeOptions) {
    this.#parts = createParts(options);
  }

  get processId(): string {
    return this.#parts.presence.processId;
  }

  get events(): RuntimeEvents {
    return this.#parts.shared.events;
  }

  get catalog(): Catalog {
    return this.#parts.shared.registry.catalog;
  }

  get crontab(): ParsedCrontab {
    return this.#parts.crontab.content;
  }

  get running(): number {
    return this.#parts.dispatcher.running.size;
  }

  get stuck(): number {
    return this.#parts.shared.stuck.count;
  }

  async start(): Promise<void> {
    await this.#begin();
    await this.#parts.crontab.start();
  }

  async drain(): Promise<DrainCounts> {
    const { settler, dispatcher } = this.#parts;
    const before = { ...settler.counts };
    await this.#begin();
    dispatcher.wake();
    await Promise.race([dispatcher.untilDrained(), this.#ended.promise]);
    const { lost: _, ...counts } = settler.counts;
    // why: the record has exactly these keys
    for (const state of Object.keys(counts) as OutcomeState[]) counts[state] -= before[state];
    return counts;
  }

  publish(catalog: Catalog): void {
    replaceTasks(this.#parts, catalog);
  }

  reloadCrontab(text: string): Promise<ParsedCrontab> {
    return this.#parts.crontab.reload(text);
  }

  runningOnOtherVersions(task: Task): number {
    let count = 0;
    for (const attempt of this.#parts.dispatcher.running) {
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
    if (this.#paused) await this.#parts.dispatcher.stopFetching();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#stopped === null && this.#mayFetch) this.#parts.dispatcher.start();
  }

  async runJob(id: string): Promise<boolean> {
    await this.#prepare();
    const { db, schemas } = this.#parts.shared;
    const job = await fetchJob(db, schemas, { processId: this.processId, id });
    if (job === null) return false;
    await this.#parts.lateCode.fetchForJobs?.(job);
    await this.#parts.dispatcher.runOne(job);
    return true;
  }

  claimError(error: unknown): ErrorOrigin | null {
    return this.#parts.shared.origins.claim(error, this.#parts.dispatcher.running);
  }

  stop(): Promise<boolean> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  stopNow(): Promise<boolean> {
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
    this.#mayFetch = true;
    if (!this.#paused) this.#parts.dispatcher.start();
    this.#parts.locks.start();
    await this.#parts.wake.start();
  }

  #prepare(): Promise<void> {
    this.#prepared ??= this.#loadAndRegister();
    return this.#prepared;
  }

  async #loadAndRegister(): Promise<void> {
    const { look, presence, services, shared } = this.#parts;
    const { config, connectionString } = shared;
    const loading = shared.loader.load();
    const patience = startPatience(loading, this.#stopping.signal);
    // A server that restarts just now must not end a start.
    const patiently = <T>(step: () => Promise<T>): Promise<T> =>
      retryTransient(step, {
        signal: patience,
        onRetry: (error) => this.#parts.health.lost(error),
      });
    const [catalog, { unknownQueueMigration: migration }] = await Promise.all([
      loading,
      patiently(() => migrateIfNeeded(shared.db, connectionString, { schema: config.schema })),
    ]);
    if (migration !== null) {
      const fields = { migration };
      shared.logger.warn(
        fields,
        "a newer graphile-worker has migrated the queue; it says that fits",
      );
    }
    shared.registry.publish(catalog);
    await patiently(() => presence.start());
    look.start();
    for (const service of services) await patiently(async () => service.start());
    this.#parts.health.answered();
  }

  async #stop(): Promise<boolean> {
    const { crontab, health, locks, shared, wake } = this.#parts;
    this.#stopping.abort();
    const started = (this.#started ?? this.#prepared)?.catch(() => {});
    if (started !== undefined) await within(startEndsMs, started, this.#hurry.signal);
    health.stop();
    locks.stop();
    const [written] = await Promise.all([
      shutDown({
        dispatcher: this.#parts.dispatcher,
        settler: this.#parts.settler,
        graceMs: shared.config.shutdownGraceMs,
        deadlineMs: shared.config.shutdownDeadlineMs,
        hurry: this.#hurry.signal,
      }),
      wake.stop(),
      crontab.stop(),
    ]);
    this.#ended.resolve();
    const signedOff = await within(signOffMs, this.#signOff(written && !locks.suspicious), null);
    return written && signedOff;
  }

  async #signOff(holdsNoLock: boolean): Promise<void> {
    const { look, presence, services, shared } = this.#parts;
    for (const service of services.toReversed()) await service.stop();
    await look.stop();
    await presence.stop(holdsNoLock);
    shared.fetchConnection.release();
    const endPools = () => Promise.all([endPool(shared.db), endPool(this.#parts.handlerPool)]);
    await shared.loader.close().finally(endPools);
  }
}
