/**
 * Looks after the locks this process holds: keeps those of long jobs fresh, and gives back
 * ghosts, that is jobs the database says are ours but that never reached us because the reply
 * to a fetch was lost.
 */

import type pg from "pg";
import type { Logger } from "../../core/logger.ts";
import { heldJobs, refreshLocks } from "../../store/queue/locks.ts";
import { settleOthers } from "../../store/queue/settle-others.ts";
import type { Schemas } from "../../store/schemas.ts";
import type { Dispatcher } from "../fetching/dispatcher.ts";
import type { Settler } from "../settling/settle.ts";

export interface LockKeeperOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly logger: Logger;
  readonly dispatcher: Dispatcher;
  readonly settler: Settler;
  readonly processId: () => string;
}

const checkIntervalMs = 2000;
const refreshAfterMs = 30 * 60_000;

export class LockKeeper {
  readonly #options: LockKeeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #suspects: ReadonlySet<string> = new Set();
  #ghostChecks = 0;
  #lastRefreshMs = Date.now();
  #busy = false;

  constructor(options: LockKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#check(), checkIntervalMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A fetch failed: its reply may have been lost after the database had locked jobs for us. */
  expectGhosts(): void {
    // Twice at least: a job is a ghost only if two looks in a row find nobody who knows it.
    this.#ghostChecks = 3;
  }

  /** Whether a lost reply may have left locks that nobody has looked for yet. */
  get suspicious(): boolean {
    return this.#ghostChecks > 0;
  }

  async #check(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      if (this.#ghostChecks > 0) await this.#returnGhosts();
      if (Date.now() - this.#lastRefreshMs > refreshAfterMs) await this.#refresh();
    } catch (error) {
      this.#options.logger.debug({ err: error }, "could not look after locks; trying again");
    } finally {
      this.#busy = false;
    }
  }

  async #returnGhosts(): Promise<void> {
    const { db, schemas, dispatcher, logger } = this.#options;
    const lockedBy = this.#options.processId();
    const unknown = (await heldJobs(db, schemas, lockedBy)).filter(
      (held) => !dispatcher.holds(held.id),
    );
    const ghosts = unknown.filter((held) => this.#suspects.has(held.id));
    this.#suspects = new Set(unknown.map((held) => held.id));
    this.#ghostChecks -= 1;
    if (ghosts.length === 0) return;
    const nowMs = Date.now();
    await settleOthers(
      db,
      schemas,
      ghosts.map(({ id, attempt }) => ({
        id,
        attempt,
        lockedBy,
        keyed: false,
        state: "returned",
        delayMs: 0,
        reason: "the reply to the fetch was lost",
        remaining: null,
        error: null,
        startedAtMs: nowMs,
        finishedAtMs: nowMs,
        progressJson: null,
      })),
    );
    logger.warn({ jobs: ghosts.length }, "gave back jobs whose fetch was never answered");
  }

  async #refresh(): Promise<void> {
    const { db, schemas, dispatcher } = this.#options;
    this.#lastRefreshMs = Date.now();
    const ids = [...dispatcher.running].map((attempt) => attempt.job.id);
    if (ids.length > 0) await refreshLocks(db, schemas, this.#options.processId(), ids);
  }
}
