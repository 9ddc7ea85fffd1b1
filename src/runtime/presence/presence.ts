/**
 * Shows that this process lives, and gives away the jobs of processes that don't.
 *
 * Silence is counted in looks, not in time: a process is dead when its beat stood still for
 * `looksUntilDead` of our looks in a row. A gap between our own looks starts the count anew,
 * so that neither a restart of the database, a sleeping laptop nor a jumping clock makes
 * anybody rob a process that lives. One whose number would be seen from here, and isn't, is dead
 * at the first look.
 */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { Worker } from "node:worker_threads";
import type pg from "pg";
import type { RuntimeEvents } from "../../core/events.ts";
import type { Logger } from "../../core/logger.ts";
import {
  addProcess,
  type Beat,
  buryProcess,
  listBeats,
  removeOldTombstones,
  removeProcess,
} from "../../store/processes.ts";
import { freeExpiredLocks } from "../../store/queue/locks.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { ThreadLog } from "../create-logger.ts";
import { within } from "../within.ts";
import type { BeatMessage, BeatOrder, BeatThreadData, BlockReport } from "./beat-thread.ts";
import { LoopPulse } from "./loop-pulse.ts";
import { pidSpace } from "./pid-space.ts";

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
}

const looksUntilDead = 6;
// Tombstones are looked at again this often: a process that was only frozen may wake up and
// lock jobs before it notices.
const looksBetweenTombstones = 5;
const longestLookMs = 1000;
const expiredLocksIntervalMs = 10 * 60_000;

interface Watched {
  seq: string;
  stillFor: number;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #pidSpace = pidSpace();
  readonly #pulse = new LoopPulse();
  #processId = newProcessId();
  #thread: Worker | null = null;
  #timer: NodeJS.Timeout | undefined;
  #threadTimer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();
  #looks = 0;
  #lastLookMs = 0;
  #lastExpiredMs = 0;
  #stopped = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** What the queue's locks carry. */
  get processId(): string {
    return this.#processId;
  }

  async start(): Promise<void> {
    const { heartbeatIntervalMs } = this.#options;
    await this.#register();
    this.#pulse.start();
    // A thread costs as much as a few thousand small jobs; nobody misses a beat that early.
    this.#threadTimer = setTimeout(() => this.#startThread(), heartbeatIntervalMs / 2);
    this.#scheduleLook();
  }

  /**
   * Signs off, but only if this process holds no lock any more: else others must find it silent
   * and give its jobs away. Never rejects.
   */
  async stop(holdsNoLock: boolean): Promise<void> {
    this.#stopped = true;
    this.#pulse.stop();
    clearTimeout(this.#timer);
    clearTimeout(this.#threadTimer);
    // One that hangs is left to itself.
    await within(longestLookMs, this.#look, null);
    if (this.#thread !== null) {
      this.#thread.postMessage("stop" satisfies BeatOrder);
      await this.#thread.terminate();
    }
    const { db, schemas, logger } = this.#options;
    if (!holdsNoLock) return;
    await removeProcess(db, schemas, this.#processId).catch((error) =>
      logger.debug({ err: error }, "could not sign off; others will find this process silent"),
    );
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

  #startThread(): void {
    const { connectionString, schemas, heartbeatIntervalMs, logger, running } = this.#options;
    const workerData: BeatThreadData = {
      connectionString,
      processesTable: `${schemas.own}.processes`,
      processId: this.#processId,
      intervalMs: heartbeatIntervalMs,
      running,
      pulse: this.#pulse.buffer,
      stuck: this.#options.stuckCount,
      jobsView: `${schemas.own}.jobs`,
      maxBlockMs: this.#options.maxBlockMs,
      log: this.#options.threadLog ?? null,
    };
    // The same folder before and after compilation, but for the file's ending.
    const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const thread = new Worker(new URL(`./beat-thread.${ending}`, import.meta.url), { workerData });
    thread.unref();
    thread.on("message", (message: BeatMessage) => {
      if ("wasBlocked" in message) this.#tellBlocked(message.wasBlocked);
      // Of an id that has been replaced already it may say so once more.
      else if (message.deadId === this.#processId && !this.#stopped) void this.#replace();
    });
    thread.on("error", (error) => {
      logger.error({ err: error }, "the heartbeat thread failed; starting another");
      if (this.#stopped) return;
      this.#threadTimer = setTimeout(() => this.#startThread(), heartbeatIntervalMs);
      this.#threadTimer.unref();
    });
    this.#thread = thread;
  }

  #tellBlocked(report: BlockReport): void {
    const { events, logger } = this.#options;
    logger.warn(report, "the event loop was blocked");
    events.emit("process:blocked", report);
  }

  /** Others hold this process for dead: what it runs is no longer its own. */
  async #replace(): Promise<void> {
    const { events, logger } = this.#options;
    const old = this.#processId;
    this.#processId = newProcessId();
    logger.warn({ processId: old }, "this process was declared dead; it goes on under a new id");
    this.#options.onReplaced();
    await this.#register().catch((error) =>
      logger.warn({ err: error }, "could not register the new process id"),
    );
    this.#thread?.postMessage({ processId: this.#processId } satisfies BeatOrder);
    events.emit("process:replaced", { processId: old, newProcessId: this.#processId });
  }

  #scheduleLook(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#look = this.#lookAround().finally(() => this.#scheduleLook());
    }, this.#options.heartbeatIntervalMs);
    this.#timer.unref();
  }

  async #lookAround(): Promise<void> {
    const { db, schemas, heartbeatIntervalMs, logger } = this.#options;
    const nowMs = performance.now();
    if (nowMs - this.#lastLookMs > heartbeatIntervalMs * 3) this.#watched.clear();
    this.#lastLookMs = nowMs;
    this.#looks += 1;
    try {
      const beats = await listBeats(db, schemas);
      const tombstonesToo = this.#looks % looksBetweenTombstones === 0;
      for (const beat of beats) {
        const why = beat.dead ? "had fallen silent" : this.#whyDead(beat);
        if (why !== null && (!beat.dead || tombstonesToo)) await this.#bury(beat, why);
      }
      this.#forgetMissing(beats);
      if (nowMs - this.#lastExpiredMs > expiredLocksIntervalMs) {
        this.#lastExpiredMs = nowMs;
        const freed = await freeExpiredLocks(db, schemas, [this.#processId]);
        if (freed > 0) logger.warn({ jobs: freed }, "freed locks that were four hours old");
        await removeOldTombstones(db, schemas);
      }
    } catch (error) {
      // Not seeing the others is no sign of their death.
      this.#watched.clear();
      logger.debug({ err: error }, "could not look at the other processes");
    }
  }

  /** Null for one that lives, as far as can be told from here. */
  #whyDead(beat: Beat): string | null {
    if (beat.id === this.#processId) return null;
    // Certain, where its number would be seen: it needn't be waited for.
    const visible = this.#pidSpace !== null && beat.pidSpace === this.#pidSpace;
    if (visible && !isRunning(beat.pid)) return "is gone";
    const watched = this.#watched.get(beat.id);
    if (watched === undefined || watched.seq !== beat.seq) {
      this.#watched.set(beat.id, { seq: beat.seq, stillFor: 0 });
      return null;
    }
    watched.stillFor += 1;
    if (watched.stillFor < looksUntilDead) return null;
    // One that blocked its event loop before its heartbeat's thread began may still live.
    const blocked = beat.seq === "0" && beat.host === hostname() && isRunning(beat.pid);
    return blocked ? null : "fell silent";
  }

  async #bury(beat: Beat, why: string): Promise<void> {
    const { db, schemas, events, logger } = this.#options;
    const rescued = await buryProcess(db, schemas, beat, `process died (${beat.id} ${why})`);
    this.#watched.delete(beat.id);
    if (rescued === undefined) return;
    const { returned, retried, failed } = rescued;
    if (beat.dead && returned + retried + failed === 0) return;
    const report = { processId: beat.id, returned, retried, failed };
    logger.warn({ ...report, why }, "gave away the jobs of a process that died");
    events.emit("process:buried", report);
    this.#options.onRescued();
  }

  #forgetMissing(beats: readonly Beat[]): void {
    const present = new Set(beats.map((beat) => beat.id));
    for (const id of this.#watched.keys()) if (!present.has(id)) this.#watched.delete(id);
  }
}

/** Whether this machine has a process of that number. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // why: not allowed to signal it, so it is there; Node's errors carry a code
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Readable in logs and in the queue's `locked_by`; random, since process numbers come again. */
function newProcessId(): string {
  return `taskrun-${process.pid}-${randomBytes(6).toString("hex")}`;
}
