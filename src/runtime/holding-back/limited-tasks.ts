/**
 * Fetches the jobs of tasks that have a limit by key, and knows when it is worth looking: after
 * a wake, when one of this process's own has ended, and when a key is free again by its rate.
 * What may run is decided in the database, over all processes.
 *
 * Reading which jobs have no key yet costs more the more of them wait, so it is done no more
 * often than lets it take a twentieth of the time, or twice a second.
 */

import type pg from "pg";
import type { Logger } from "../../core/logger.ts";
import type { Limit, Task } from "../../core/task.ts";
import {
  fetchLimited,
  keyJobs,
  listUnkeyed,
  noteStarts,
  type UnkeyedJob,
} from "../../store/queue/fetch-limited.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { BackgroundService } from "../background-service.ts";
import { DueTimer } from "../fetching/due-timer.ts";
import type { PlannedTask } from "../fetching/fetch-plan.ts";
import type { EndedAttempt } from "../settling/write-batch.ts";
import type { TaskRegistry } from "../task-registry.ts";
import { limitKey, unknownLimitKey } from "./limit-key.ts";

export interface LimitedTasksOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  readonly processId: () => string;
  readonly registry: Pick<TaskRegistry, "find">;
  /** Whether this process runs no job. */
  readonly isIdle: () => boolean;
  /** Due jobs may be had now. */
  readonly wake: () => void;
}

const keyedAtOnce = 5000;
const lookPause = 20;
const shortestPauseMs = 10;
// However many jobs wait: a new one may be of a key that has none.
const longestPauseMs = 500;
// In a process that does nothing a short look is no burden, whenever it comes.
const shortLookMs = 3;
const retryMs = 250;

/** What is known here of one task. */
interface TaskState {
  /** Asking the database at this moment. */
  busy: boolean;
  /** Something came while it was busy. */
  again: boolean;
  /** There may be jobs to take without looking for new ones first. */
  hot: boolean;
  lookMs: number;
  lookedAtMs: number;
  /** Wakes for a look that came too soon. */
  readonly later: DueTimer;
  /** Wakes when a key is free again. */
  readonly free: DueTimer;
  /** Jobs that have started since the database was told. */
  started: string[];
}

export class LimitedTasks implements BackgroundService {
  readonly #options: LimitedTasksOptions;
  readonly #states = new Map<string, TaskState>();
  #stopped = false;

  constructor(options: LimitedTasksOptions) {
    this.#options = options;
  }

  start(): void {}

  stop(): void {
    this.#stopped = true;
    for (const { later, free } of this.#states.values()) {
      later.stop();
      free.stop();
    }
  }

  /**
   * Locks at most `slots` due jobs of the task, best first, in turns by key.
   *
   * @throws what the database throws; jobs may have been locked all the same
   */
  async fetch(planned: PlannedTask, slots: number): Promise<QueueJob[]> {
    const { name, policies } = planned.task;
    const { limit } = policies;
    const state = this.#stateOf(name);
    if (limit === null || slots <= 0) return [];
    if (state.busy) {
      state.again = true;
      return [];
    }
    state.busy = true;
    try {
      const looks = this.#mayLook(state);
      if (looks) await this.#keyNew(planned, limit, state);
      return looks || state.hot ? await this.#take(planned, limit, slots) : [];
    } finally {
      state.busy = false;
      if (state.again) this.#options.wake();
      state.again = false;
    }
  }

  /** An attempt has been started in this process. */
  started(job: QueueJob, task: Task): void {
    if (task.policies.limit === null || task.policies.limit.rate === null) return;
    const state = this.#stateOf(task.name);
    state.started.push(job.id);
    if (state.started.length === 1) setImmediate(() => void this.#tellStarts(task.name, state));
  }

  /** Outcomes have landed: their keys have room. */
  settled(batch: readonly EndedAttempt[]): void {
    if (this.#states.size === 0) return;
    let freed = false;
    for (const { job } of batch) {
      const task = this.#options.registry.find(job.task);
      const state = task && this.#states.get(task.name);
      if (state === undefined) continue;
      state.hot = true;
      freed = true;
    }
    if (freed) this.#options.wake();
  }

  #mayLook(state: TaskState): boolean {
    const pauseMs = Math.min(Math.max(shortestPauseMs, state.lookMs * lookPause), longestPauseMs);
    const waitMs = state.lookedAtMs + pauseMs - performance.now();
    if (waitMs <= 0 || (state.lookMs < shortLookMs && this.#options.isIdle())) return true;
    if (!this.#stopped) state.later.add(waitMs);
    return false;
  }

  async #take(planned: PlannedTask, limit: Limit, slots: number): Promise<QueueJob[]> {
    const { db, schemas, processId } = this.#options;
    const state = this.#stateOf(planned.task.name);
    state.hot = false;
    const { jobs, freeInMs, othersWait } = await fetchLimited(db, schemas, {
      processId: processId(),
      task: planned.task.name,
      taskNames: planned.names,
      limit,
      max: slots,
    });
    if (jobs.length >= slots) state.hot = true;
    // What made a look long has gone.
    if (!othersWait) state.lookMs = 0;
    if (freeInMs !== null && !this.#stopped) state.free.add(Math.max(0, freeInMs));
    return jobs;
  }

  async #keyNew({ task, names }: PlannedTask, limit: Limit, state: TaskState): Promise<void> {
    const { db, schemas } = this.#options;
    const ids = [...names.keys()];
    for (;;) {
      const from = performance.now();
      const found = await listUnkeyed(db, schemas, ids, keyedAtOnce);
      state.lookedAtMs = performance.now();
      state.lookMs = state.lookedAtMs - from;
      if (found.length > 0) {
        const keyed = found.map((job) => ({ job, key: this.#keyOf(job, task, limit) }));
        await keyJobs(db, schemas, task.name, keyed);
      }
      if (found.length < keyedAtOnce) break;
    }
  }

  #keyOf({ id, payload }: UnkeyedJob, task: Task, limit: Limit): string | null {
    try {
      return limitKey(limit, JSON.parse(payload));
    } catch (error) {
      const fields = { err: error, jobId: id, task: task.name };
      this.#options.logger.warn(fields, "the job's limit key can't be told; it counts as one");
      return unknownLimitKey;
    }
  }

  /** Until then they count as starting at every moment, so that the rate is kept in any case. */
  async #tellStarts(task: string, state: TaskState): Promise<void> {
    const ids = state.started;
    state.started = [];
    const { db, schemas, logger, processId } = this.#options;
    try {
      await noteStarts(db, schemas, { processId: processId(), task, ids });
    } catch (error) {
      if (this.#stopped) return;
      logger.debug({ err: error, task }, "could not note the starts of jobs; trying again");
      state.started.push(...ids);
      setTimeout(() => void this.#tellStarts(task, state), retryMs).unref();
    }
  }

  #stateOf(name: string): TaskState {
    let state = this.#states.get(name);
    if (state === undefined) {
      state = this.#newState();
      this.#states.set(name, state);
    }
    return state;
  }

  #newState(): TaskState {
    const { wake } = this.#options;
    const state: TaskState = {
      busy: false,
      again: false,
      hot: false,
      lookMs: 0,
      lookedAtMs: Number.NEGATIVE_INFINITY,
      later: new DueTimer(wake),
      free: new DueTimer(() => {
        state.hot = true;
        wake();
      }),
      started: [],
    };
    return state;
  }
}
