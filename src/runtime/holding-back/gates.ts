/**
 * What nobody may fetch at this moment: reads pauses and breakers at the start, whenever somebody
 * says that they have changed, after every reconnect, and when the regular look finds that a word
 * was missed.
 * Says so when a breaker's time has come, and when one opens or closes.
 */

import type pg from "pg";
import type { RuntimeEvents } from "../../core/events.ts";
import type { Logger } from "../../core/logger.ts";
import type { OutcomeState } from "../../core/outcome.ts";
import type { Task } from "../../core/task.ts";
import { type GateRows, readGates } from "../../store/gates.ts";
import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { BackgroundService } from "../background-service.ts";
import { SpacedCalls } from "../fetching/spaced-calls.ts";
import type { EndedAttempt } from "../settling/write-batch.ts";
import type { TaskRegistry } from "../task-registry.ts";
import { BreakerReports, canaryLeaseMs } from "./breaker-reports.ts";
import { GateSnapshot } from "./gate-snapshot.ts";
import { tellGateChanges } from "./tell-gate-changes.ts";

export interface GatesOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  readonly events: RuntimeEvents;
  readonly registry: TaskRegistry;
  /** `snapshot` is another one: what waits here may be held now, what was held may be due. */
  readonly onChange: () => void;
}

// A task that fails now and then tells so each time; this often is soon enough to know.
const readIntervalMs = 25;
// The database must be past the moment too when it is asked.
const marginMs = 5;
const longestTimerMs = 2 ** 31 - 1;

type Rows = Omit<GateRows, "nowMs">;

export class Gates implements BackgroundService {
  readonly leaseMs: number = canaryLeaseMs;
  readonly #options: GatesOptions;
  readonly #reports: BreakerReports;
  readonly #reading = new SpacedCalls(readIntervalMs, () => void this.#readQuietly());
  #rows: Rows = { pauses: [], breakers: [], fingerprint: "" };
  #snapshot = new GateSnapshot(this.#rows, 0);
  /** The database's clock, less ours. */
  #clockLeadMs = 0;
  #lastRead: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: GatesOptions) {
    this.#options = options;
    this.#reports = new BreakerReports({
      ...options,
      isFailing: (task) => (this.#snapshot.breaker(task)?.failures ?? 0) > 0,
      onTold: () => this.changed(),
    });
  }

  /** Another object whenever it says something else. */
  get snapshot(): GateSnapshot {
    return this.#snapshot;
  }

  async start(): Promise<void> {
    await this.#read();
  }

  async stop(): Promise<void> {
    await this.#reports.stop();
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#reading.stop();
  }

  /** Pauses or breakers may have changed: reads them again, soon. */
  changed(): void {
    if (!this.#stopped) this.#reading.ask();
  }

  /** Of a moment ago: the `fingerprint` of what the database says. */
  seen(fingerprint: string): void {
    if (fingerprint !== this.#rows.fingerprint) this.changed();
  }

  /** Another version of a task may have a breaker, or none any more. */
  tasksChanged(): void {
    if (!this.#stopped) this.#renew();
  }

  /** Which of the jobs that wait here must not start now; null when there can be none. */
  get heldBack(): ((job: QueueJob) => boolean) | null {
    const snapshot = this.#snapshot;
    if (!snapshot.holds) return null;
    const queues = new Set(snapshot.pausedQueues);
    return (job) => {
      if (job.queue !== null && queues.has(job.queue)) return true;
      const task = this.#options.registry.find(job.task);
      if (task === undefined) return false;
      if (snapshot.isPaused(task)) return true;
      return snapshot.passage(task) !== "free" && !this.#reports.isCanary(job);
    };
  }

  takeCanary(job: QueueJob, task: Task): void {
    this.#reports.takeCanary(job, task);
  }

  /** Of a task with a breaker; see BreakerReports. */
  ended(ended: EndedAttempt, task: Task, state: OutcomeState | null): void {
    this.#reports.ended(ended, task, state);
  }

  /** Outcomes have landed; see BreakerReports. */
  settled(batch: readonly EndedAttempt[]): void {
    this.#reports.settled(batch);
  }

  async #readQuietly(): Promise<void> {
    await this.#read().catch((error) =>
      this.#options.logger.debug({ err: error }, "could not read pauses and breakers"),
    );
  }

  /** One at a time, so that an older answer can't replace a newer one. */
  #read(): Promise<void> {
    const { db, schemas } = this.#options;
    const read = async () => {
      if (this.#stopped) return;
      const { nowMs, ...rows } = await readGates(db, schemas);
      this.#clockLeadMs = nowMs - performance.now();
      const before = this.#rows;
      this.#rows = rows;
      if (before.fingerprint !== rows.fingerprint) {
        tellGateChanges(before, rows, this.#options);
        this.#renew();
      } else this.#schedule();
    };
    this.#lastRead = this.#lastRead.catch(() => {}).then(read);
    return this.#lastRead;
  }

  #renew(): void {
    this.#snapshot = new GateSnapshot(this.#rows, performance.now() + this.#clockLeadMs);
    this.#schedule();
    this.#options.onChange();
  }

  /** Looks again when time alone lets a job through. */
  #schedule(): void {
    clearTimeout(this.#timer);
    const { registry } = this.#options;
    const atMs = this.#snapshot.nextChangeMs(registry.catalog.tasks.values());
    if (atMs === null || this.#stopped) return;
    const delayMs = atMs - this.#clockLeadMs - performance.now() + marginMs;
    const bounded = Math.min(Math.max(delayMs, marginMs), longestTimerMs);
    this.#timer = setTimeout(() => this.#renew(), bounded).unref();
  }
}
