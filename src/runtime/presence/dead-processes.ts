/**
 * Finds the processes that don't live any more, and gives away their jobs.
 *
 * Silence is counted in looks, not in time: a process is dead when its beat stood still for
 * `looksUntilDead` of our looks in a row. A gap between our own looks starts the count anew,
 * so that neither a restart of the database, a sleeping laptop nor a jumping clock makes
 * anybody rob a process that lives. One whose number would be seen from here, and isn't, is dead
 * at the first look.
 */

import { hostname } from "node:os";
import type pg from "pg";
import type { RuntimeEvents } from "../../core/events.ts";
import type { Logger } from "../../core/logger.ts";
import { type Beat, buryProcess, removeOldTombstones } from "../../store/processes.ts";
import { freeExpiredLocks, lockHolders } from "../../store/queue/locks.ts";
import type { Schemas } from "../../store/schemas.ts";
import { within } from "../within.ts";

export interface DeadProcessesOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  /** Between looks. */
  readonly heartbeatIntervalMs: number;
  /** Which processes see each other's numbers; null = that can't be told here. */
  readonly pidSpace: string | null;
  readonly processId: () => string;
  readonly events: RuntimeEvents;
  readonly logger: Logger;
  /** Jobs were given away: they may be due now. */
  readonly onRescued: () => void;
}

const looksUntilDead = 6;
// Tombstones are looked at again this often: a process that was only frozen may wake up and
// lock jobs before it notices. That reads the whole queue, so it takes this share of the time.
const looksBetweenTombstones = 5;
const tombstonesShare = 20;
const longestStopMs = 1000;
const expiredLocksIntervalMs = 10 * 60_000;

interface Watched {
  seq: string;
  stillFor: number;
}

export class DeadProcesses {
  readonly #options: DeadProcessesOptions;
  readonly #watched = new Map<string, Watched>();
  #looks = 0;
  #lastLookMs = 0;
  #lastExpiredMs = 0;
  #nextTombstonesMs = 0;
  #burying: Promise<void> | null = null;

  constructor(options: DeadProcessesOptions) {
    this.#options = options;
  }

  /** What a look at all processes has shown. */
  looked(beats: readonly Beat[]): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastLookMs > this.#options.heartbeatIntervalMs * 3) this.#watched.clear();
    this.#lastLookMs = nowMs;
    this.#looks += 1;
    const dead: [beat: Beat, why: string][] = [];
    for (const beat of beats) {
      const why = beat.dead ? null : this.#whyDead(beat);
      if (why !== null) dead.push([beat, why]);
    }
    const isTheirTurn =
      this.#looks % looksBetweenTombstones === 0 && nowMs >= this.#nextTombstonesMs;
    const tombstones = isTheirTurn ? beats.filter((beat) => beat.dead) : [];
    this.#forgetMissing(beats);
    this.#burying ??= this.#buryAll(dead, tombstones, nowMs).finally(() => {
      this.#burying = null;
    });
  }

  /** A look has failed: not seeing the others is no sign of their death. */
  missed(): void {
    this.#watched.clear();
  }

  /** Whoever is being buried is, if the database answers. Never rejects. */
  async stop(): Promise<void> {
    if (this.#burying !== null) await within(longestStopMs, this.#burying, null);
  }

  /** Null for one that lives, as far as can be told from here. */
  #whyDead(beat: Beat): string | null {
    const { pidSpace, processId } = this.#options;
    if (beat.id === processId()) return null;
    // Certain, where its number would be seen: it needn't be waited for.
    const visible = pidSpace !== null && beat.pidSpace === pidSpace;
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

  async #buryAll(
    dead: readonly [beat: Beat, why: string][],
    tombstones: readonly Beat[],
    nowMs: number,
  ): Promise<void> {
    const { db, schemas, logger, processId } = this.#options;
    try {
      for (const [beat, why] of dead) await this.#bury(beat, why);
      if (tombstones.length > 0) await this.#buryAgain(tombstones);
      if (nowMs - this.#lastExpiredMs < expiredLocksIntervalMs) return;
      this.#lastExpiredMs = nowMs;
      const freed = await freeExpiredLocks(db, schemas, [processId()]);
      if (freed > 0) logger.warn({ jobs: freed }, "freed locks that were four hours old");
      await removeOldTombstones(db, schemas);
    } catch (error) {
      this.missed();
      logger.debug({ err: error }, "could not give away the jobs of other processes");
    }
  }

  /** Those that have locked something since. */
  async #buryAgain(tombstones: readonly Beat[]): Promise<void> {
    const { db, schemas } = this.#options;
    const fromMs = performance.now();
    const ids = tombstones.map(({ id }) => id);
    const holders = await lockHolders(db, schemas, ids).finally(() => {
      const nowMs = performance.now();
      this.#nextTombstonesMs = nowMs + (nowMs - fromMs) * tombstonesShare;
    });
    for (const beat of tombstones) {
      if (holders.has(beat.id)) await this.#bury(beat, "had fallen silent");
    }
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
