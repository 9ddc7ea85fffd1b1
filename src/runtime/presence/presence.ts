/**
 * Shows that this process lives, and under which id. While there is work a thread beats for it
 * (`heartbeat`); without any the regular look does, which also brings what is known of the others
 * (`dead-processes`).
 *
 * A handler may block the event loop for good the moment it starts: so the thread is on its way
 * before that, and the look beats until the thread says that it does.
 */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type pg from "pg";
import type { RuntimeEvents } from "../../core/events.ts";
import type { Logger } from "../../core/logger.ts";
import type { Seen, Vitals } from "../../store/look-around.ts";
import { addProcess, removeProcess } from "../../store/processes.ts";
import type { Schemas } from "../../store/schemas.ts";
import { isTransient, retryTransient } from "../../store/transient.ts";
import { readStuckCount } from "../attempt/stuck-handlers.ts";
import type { ThreadLog } from "../create-logger.ts";
import type { BlockReport } from "./beat-thread.ts";
import { DeadProcesses } from "./dead-processes.ts";
import { Heartbeat } from "./heartbeat.ts";
import { LoopPulse, takeLoopLag } from "./loop-pulse.ts";
import { pidSpace } from "./pid-space.ts";
import { readRunningSlots } from "./running-slots.ts";

export interface PresenceOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly connectionString: string;
  readonly version: string;
  readonly heartbeatIntervalMs: number;
  /** How many attempts this process runs at once; for people who look. */
  readonly concurrency: number;
  /** See the option. */
  readonly maxBlockMs: number;
  /** Where the thread that beats writes that the event loop is blocked. Default: nowhere. */
  readonly threadLog?: ThreadLog;
  /** Of `RunningSlots`: which jobs run, for the thread that beats. */
  readonly running: SharedArrayBuffer;
  /** Of `StuckHandlers`: how many are stuck, for the same thread. */
  readonly stuckCount: SharedArrayBuffer;
  readonly events: RuntimeEvents;
  readonly logger: Logger;
  /** This process had been declared dead; it goes on under `processId` now. */
  readonly onReplaced: () => void;
  /** Jobs were given away: they may be due now. */
  readonly onRescued: () => void;
  /** There has been no work since the start, or for a while. */
  readonly onRest: () => void;
}

// What has come once comes again: a thread is not worth ending for less.
const restAfterMs = 60_000;

export class Presence {
  readonly #options: PresenceOptions;
  readonly #pidSpace = pidSpace();
  readonly #pulse = new LoopPulse();
  readonly #heartbeat: Heartbeat;
  readonly #others: DeadProcesses;
  #processId = newProcessId();
  #hasWork = false;
  /** Since the last look. */
  #hasWorked = false;
  #quietSinceMs = Number.NEGATIVE_INFINITY;
  #isResting = false;
  /** The row of the new id is being written. */
  #isReplacing = false;
  /** Before that no thread is started. */
  #early: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    const { schemas } = options;
    const processId = () => this.#processId;
    this.#heartbeat = new Heartbeat({
      ...options,
      processId,
      data: {
        connectionString: options.connectionString,
        processesTable: `${schemas.own}.processes`,
        intervalMs: options.heartbeatIntervalMs,
        running: options.running,
        pulse: this.#pulse.buffer,
        stuck: options.stuckCount,
        jobsView: `${schemas.own}.jobs`,
        maxBlockMs: options.maxBlockMs,
        log: options.threadLog ?? null,
      },
      onDead: (id) => this.#declaredDead(id),
      onBlocked: (report) => this.#tellBlocked(report),
    });
    this.#others = new DeadProcesses({ ...options, pidSpace: this.#pidSpace, processId });
  }

  /** What the queue's locks carry. */
  get processId(): string {
    return this.#processId;
  }

  async start(): Promise<void> {
    await this.#register();
    this.#pulse.start();
    // A thread costs as much as a few thousand small jobs; nobody misses a beat that early.
    this.#early = setTimeout(() => {
      this.#early = null;
      if (this.#hasWork) this.#heartbeat.start();
    }, this.#options.heartbeatIntervalMs / 2).unref();
  }

  /**
   * Signs off, but only if this process holds no lock any more: else others must find it silent
   * and give its jobs away. Never rejects.
   */
  async stop(holdsNoLock: boolean): Promise<void> {
    this.#stopped = true;
    this.#pulse.stop();
    if (this.#early !== null) clearTimeout(this.#early);
    await this.#others.stop();
    await this.#heartbeat.stop();
    const { db, schemas, logger } = this.#options;
    if (!holdsNoLock) return;
    await removeProcess(db, schemas, this.#processId).catch((error) =>
      logger.debug({ err: error }, "could not sign off; others will find this process silent"),
    );
  }

  /** A handler is about to start. */
  expectWork(): void {
    this.#hasWorked = true;
    if (this.#hasWork) return;
    this.#hasWork = true;
    if (this.#early === null && !this.#stopped) this.#heartbeat.start();
  }

  /** What a beat has to say now; null while nothing has to beat but the thread. */
  vitals(): Vitals | null {
    if (this.#heartbeat.beats || this.#isReplacing || this.#stopped) return null;
    const { running, stuckCount } = this.#options;
    return {
      running: readRunningSlots(running).ids,
      loopLagMs: takeLoopLag(this.#pulse.buffer),
      rssBytes: process.memoryUsage.rss(),
      stuck: readStuckCount(stuckCount),
    };
  }

  /** What a look has shown that was made under the id `askedAs`. */
  looked({ beats, isAlive }: Pick<Seen, "beats" | "isAlive">, askedAs: string): void {
    if (this.#stopped) return;
    if (!isAlive) this.#declaredDead(askedAs);
    this.#others.looked(beats);
    this.#restWithoutWork();
  }

  /** A look has failed. */
  missed(): void {
    this.#others.missed();
  }

  #restWithoutWork(): void {
    const { running, stuckCount, onRest } = this.#options;
    const nowMs = performance.now();
    const left = readRunningSlots(running).ids.length + readStuckCount(stuckCount);
    if (this.#hasWorked || left > 0) {
      this.#quietSinceMs = nowMs;
      this.#isResting = false;
    }
    this.#hasWorked = false;
    if (this.#isResting || nowMs - this.#quietSinceMs < restAfterMs) return;
    this.#isResting = true;
    this.#hasWork = false;
    this.#heartbeat.rest();
    onRest();
  }

  async #register(): Promise<void> {
    const { db, schemas, version, concurrency } = this.#options;
    const row = {
      id: this.#processId,
      host: hostname(),
      pid: process.pid,
      pidSpace: this.#pidSpace,
      version,
      concurrency,
    };
    await addProcess(db, schemas, row);
  }

  #tellBlocked(report: BlockReport): void {
    const { events, logger } = this.#options;
    logger.warn(report, "the event loop was blocked");
    events.emit("process:blocked", report);
  }

  /**
   * Of an id that has been replaced already it may be said once more, and of the new one as long
   * as it has no row.
   */
  #declaredDead(id: string): void {
    if (id === this.#processId && !this.#isReplacing && !this.#stopped) void this.#replace();
  }

  /** Others hold this process for dead: what it runs is no longer its own. */
  async #replace(): Promise<void> {
    const { events, logger } = this.#options;
    const old = this.#processId;
    this.#processId = newProcessId();
    this.#isReplacing = true;
    logger.warn({ processId: old }, "this process was declared dead; it goes on under a new id");
    this.#options.onReplaced();
    // Without a row nobody would miss this process, nor give away what it locks from now on.
    await retryTransient(() => this.#register(), {
      retries: (error) => isTransient(error) && !this.#stopped,
    }).catch((error) => logger.warn({ err: error }, "could not register the new process id"));
    this.#isReplacing = false;
    this.#heartbeat.renamed();
    events.emit("process:replaced", { processId: old, newProcessId: this.#processId });
  }
}

/** Readable in logs and in the queue's `locked_by`; random, since process numbers come again. */
function newProcessId(): string {
  return `taskrun-${process.pid}-${randomBytes(6).toString("hex")}`;
}
