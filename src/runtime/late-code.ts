/**
 * Brings the code of tasks that a loader knew without importing them: at once when a job needs it,
 * and the rest soon after the start, a file at a time, so that what is broken is found then and
 * not when its first job comes. Owns what becomes of a task that turns out to be another.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Catalog, LateImport, TaskLoader } from "../core/catalog.ts";
import type { Logger } from "../core/logger.ts";
import type { Task } from "../core/task.ts";
import { pause } from "../store/transient.ts";
import type { BackgroundService } from "./background-service.ts";
import type { TaskRegistry } from "./task-registry.ts";
import { within } from "./within.ts";

export interface LateCodeOptions {
  readonly loader: TaskLoader;
  readonly registry: TaskRegistry;
  readonly logger: Logger;
  readonly isBusy: () => boolean;
  /** The catalog has to be another one: a task can't be loaded, or isn't what it was. */
  readonly publish: (catalog: Catalog) => void;
  /** Jobs of it that wait were taken for a task that is no longer the same. */
  readonly giveBack: (task: Task) => void;
  /** Default: 1 s. */
  readonly afterStartMs?: number;
}

const longestStopMs = 1_000;

export class LateCode implements BackgroundService {
  readonly #options: LateCodeOptions;
  readonly #stopped = new AbortController();
  /** What the imports have come to, by the task as it was known. */
  readonly #complete = new Map<Task, Task>();
  readonly #importing = new Map<Task, Promise<void>>();
  #rest: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #remembered = false;
  #isComplete: boolean;

  constructor(options: LateCodeOptions) {
    this.#options = options;
    this.#isComplete = options.loader.late === undefined;
  }

  start(): void {
    if (this.#options.loader.late === undefined) return;
    this.#timer = setTimeout(() => {
      this.#rest = this.#importRest().catch((error) =>
        this.#options.logger.warn({ err: error }, "could not import the tasks that are left"),
      );
    }, this.#options.afterStartMs ?? 1000);
    this.#timer.unref();
  }

  /** A start that has found out something new leaves it to the next one. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    const started = this.#timer !== undefined;
    clearTimeout(this.#timer);
    // An import that waits for something is left to itself.
    const ended = await within(longestStopMs, this.#rest, null);
    if (started && ended) await this.#remember();
  }

  /** The task with its code, once that is here. */
  withCode(task: Task | undefined): Task | undefined {
    return task === undefined ? undefined : (this.#complete.get(task) ?? task);
  }

  /**
   * For a job: null when attempts may begin on its task, else resolves when they may, or when the
   * task is another one or gone; never rejects. Null instead of it: there is no late code.
   */
  get fetchForJobs(): ((job: { readonly task: string }) => Promise<void> | null) | null {
    return this.#isComplete ? null : this.#fetchForJob;
  }

  readonly #fetchForJob = ({ task: name }: { readonly task: string }): Promise<void> | null => {
    const task = this.#options.registry.find(name);
    if (task === undefined || this.#complete.has(task)) return null;
    return this.#options.loader.late?.has(task) === true ? this.#import(task) : null;
  };

  #import(task: Task): Promise<void> {
    const known = this.#importing.get(task);
    if (known !== undefined) return known;
    const importing = this.#importNow(task);
    this.#importing.set(task, importing);
    return importing;
  }

  async #importNow(late: Task): Promise<void> {
    const { loader, registry, publish, giveBack } = this.#options;
    const imported = await loader.late?.import(late);
    if (imported === undefined) return;
    if (imported.asKnown && imported.task !== null) {
      this.#complete.set(late, imported.task);
      return;
    }
    const catalog = loader.late?.revise(registry.catalog, late, imported) ?? registry.catalog;
    giveBack(late);
    publish(catalog);
    this.#tell(late, imported);
  }

  #tell({ name: task, file }: Task, { failures }: LateImport): void {
    const { logger } = this.#options;
    if (failures.length === 0) {
      logger.info({ task, file }, "a task's options are not what they were at the last start");
    }
    for (const { task, file, line, column, reason, fix } of failures) {
      logger.error({ task, file, line, column, reason, fix }, "a task file can't be loaded");
    }
  }

  async #importRest(): Promise<void> {
    const { loader, registry, isBusy, publish } = this.#options;
    const { signal } = this.#stopped;
    const isLate = (task: Task) => loader.late?.has(task) === true;
    const left = [...registry.catalog.tasks.values()].filter(isLate);
    const end = loader.late?.watch(left);
    let differ = false;
    try {
      for (const task of left) {
        if (signal.aborted) return;
        const startedMs = performance.now();
        await this.#import(task);
        differ ||= (await loader.late?.saysTheSame(task)) === false;
        // Half of the time is the jobs'.
        if (isBusy()) await pause(performance.now() - startedMs, signal);
        else await nextTurn();
      }
    } finally {
      end?.();
    }
    if (differ) publish(this.#completed());
    else registry.publish(this.#completed());
    this.#isComplete = true;
    await this.#remember();
  }

  /** The catalog with all the code that is here. */
  #completed(): Catalog {
    const { tasks, failures } = this.#options.registry.catalog;
    const complete = [...tasks].map(([name, task]) => [name, this.withCode(task) ?? task] as const);
    return { tasks: new Map(complete), failures };
  }

  async #remember(): Promise<void> {
    if (this.#remembered) return;
    this.#remembered = true;
    await this.#options.loader.late?.remember(this.#completed());
  }
}
