/**
 * Puts outcomes into the database. An attempt's slot is free as soon as its outcome is handed
 * over here; outcomes gather while a batch is under way and go out together.
 *
 * A batch is sent again until it lands. A batch whose values the database refuses is split, so
 * that one row can't hold up the others; the row itself is settled as failed with the
 * database's reason.
 */

import type pg from "pg";
import type { RuntimeEvents } from "../core/events.ts";
import type { Logger } from "../core/logger.ts";
import type { Outcome, OutcomeState } from "../core/outcome.ts";
import type { QueueJob } from "../store/queue/queue-job.ts";
import {
  type CompletedSettlement,
  landedBefore,
  type OtherSettlement,
  settleCompleted,
  settleOthers,
  settlePlain,
} from "../store/queue/settle.ts";
import type { Schemas } from "../store/schemas.ts";
import { isRefusal, retryTransient } from "../store/transient.ts";

/** An attempt that has ended, ready to be written. */
export interface EndedAttempt {
  readonly job: QueueJob;
  /** False for a job that goes back without having been started. */
  readonly ran: boolean;
  readonly outcome: Outcome;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly progressJson: string | null;
}

export interface SettlerOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly events: RuntimeEvents;
  readonly logger: Logger;
  /** Called when a batch has landed: serial queues are free again, retries may be due. */
  readonly onSettled: (ended: readonly EndedAttempt[]) => void;
}

const maxBatch = 1000;
// Two: while the server works on one batch the next is on its way.
const maxBatchesInFlight = 2;

export class Settler {
  readonly #options: SettlerOptions;
  readonly #giveUp = new AbortController();
  #plain: EndedAttempt[] = [];
  #completed: EndedAttempt[] = [];
  #others: EndedAttempt[] = [];
  #inFlight = 0;
  #inFlightAttempts = 0;
  #flushScheduled = false;
  #idle: PromiseWithResolvers<void> | null = null;
  readonly counts: Record<OutcomeState | "lost", number> = {
    completed: 0,
    retrying: 0,
    snoozed: 0,
    cancelled: 0,
    failed: 0,
    returned: 0,
    lost: 0,
  };

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Outcomes handed over that are not in the database yet. */
  get backlog(): number {
    return (
      this.#plain.length + this.#completed.length + this.#others.length + this.#inFlightAttempts
    );
  }

  add(ended: EndedAttempt): void {
    if (ended.outcome.state !== "completed") this.#others.push(ended);
    else if (isPlain(ended)) this.#plain.push(ended);
    else this.#completed.push(ended);
    if (this.#plain.length >= maxBatch) this.#flush();
    else if (!this.#flushScheduled) {
      // Attempts that end in the same turn of the event loop share a batch.
      this.#flushScheduled = true;
      setImmediate(() => {
        this.#flushScheduled = false;
        this.#flush();
      });
    }
  }

  /** Resolves when everything handed over so far is in the database. */
  async idle(): Promise<void> {
    if (this.backlog === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** Waits for `idle`, but no longer than this; then stops trying. */
  async stop(deadlineMs: number): Promise<void> {
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#giveUp.abort();
      deadline.resolve();
    }, deadlineMs);
    await Promise.race([this.idle(), deadline.promise]);
    clearTimeout(timer);
  }

  #flush(): void {
    while (this.#inFlight < maxBatchesInFlight) {
      const [write, batch] = this.#nextBatch();
      if (batch.length === 0) return;
      this.#inFlight += 1;
      this.#inFlightAttempts += batch.length;
      this.#settle(batch, write).finally(() => {
        this.#inFlight -= 1;
        this.#inFlightAttempts -= batch.length;
        this.#options.onSettled(batch);
        this.#flush();
        if (this.backlog === 0) {
          this.#idle?.resolve();
          this.#idle = null;
        }
      });
    }
  }

  /** Whatever other jobs may be waiting for goes first. */
  #nextBatch(): [WriteBatch, EndedAttempt[]] {
    if (this.#others.length > 0) return [writeOthers, this.#others.splice(0, maxBatch)];
    if (this.#completed.length > 0) return [writeCompleted, this.#completed.splice(0, maxBatch)];
    return [writePlain, this.#plain.splice(0, maxBatch)];
  }

  async #settle(batch: readonly EndedAttempt[], write: WriteBatch): Promise<void> {
    const { db, schemas, logger, events } = this.#options;
    let waiting = false;
    try {
      const states = await retryTransient((tries) => write(db, schemas, batch, tries), {
        signal: this.#giveUp.signal,
        retries: (error) => !isRefusal(error),
        onRetry: (error, delayMs) => {
          if (!waiting) events.emit("database:waiting", { error });
          waiting = true;
          logger.warn({ err: error, delayMs, jobs: batch.length }, "settling again");
        },
      });
      if (waiting) events.emit("database:back");
      this.#report(batch, states);
    } catch (error) {
      await this.#settleApart(batch, write, error);
    }
  }

  async #settleApart(batch: readonly EndedAttempt[], write: WriteBatch, error: unknown) {
    const { logger } = this.#options;
    if (this.#giveUp.signal.aborted) {
      logger.error({ err: error, jobs: batch.length }, "stopped before outcomes were written");
      return;
    }
    const half = batch.length >> 1;
    if (half > 0) {
      await this.#settle(batch.slice(0, half), write);
      await this.#settle(batch.slice(half), write);
      return;
    }
    const [ended] = batch;
    if (ended === undefined) return;
    // Perhaps only the short way was refused: there may be a record of an earlier ending.
    if (write === writePlain) return this.#settle(batch, writeCompleted);
    logger.error({ err: error, jobId: ended.job.id }, "the database refused an outcome");
    const { outcome } = ended;
    if (outcome.state === "failed" && outcome.error.name === refusedName) return;
    await this.#settle([refused(ended, error)], writeOthers);
  }

  #report(batch: readonly EndedAttempt[], states: ReadonlyMap<string, OutcomeState> | "as is") {
    const { events, logger } = this.#options;
    const heard = events.listenerCount("attempt:finished") > 0;
    for (const ended of batch) {
      const state = states === "as is" ? ended.outcome.state : states.get(ended.job.id);
      if (state === undefined) {
        this.counts.lost += 1;
        logger.warn(
          { jobId: ended.job.id, attempt: ended.job.attempt, state: ended.outcome.state },
          "the job had been given to another process; this outcome does not count",
        );
        events.emit("attempt:lost", { job: ended.job, state: ended.outcome.state });
        continue;
      }
      this.counts[state] += 1;
      if (heard) {
        const durationMs = ended.finishedAtMs - ended.startedAtMs;
        events.emit("attempt:finished", { job: ended.job, state, durationMs });
      }
    }
  }
}

/** Resolves to what became of each job, by id; those not in it were lost. */
type WriteBatch = (
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly EndedAttempt[],
  tries: number,
) => Promise<ReadonlyMap<string, OutcomeState> | "as is">;

const writePlain: WriteBatch = (db, schemas, batch) => complete(db, schemas, batch, settlePlain);

const writeCompleted: WriteBatch = (db, schemas, batch) =>
  complete(db, schemas, batch, settleCompleted);

async function complete(
  db: pg.Pool,
  schemas: Schemas,
  batch: readonly EndedAttempt[],
  settle: typeof settleCompleted,
): Promise<ReadonlyMap<string, OutcomeState> | "as is"> {
  const settlements = batch.map(asCompleted);
  const count = await settle(db, schemas, settlements);
  if (count === batch.length) return "as is";
  const landed = await landedBefore(db, schemas, settlements);
  const states = new Map<string, OutcomeState>();
  for (const id of landed) states.set(id, "completed");
  return states;
}

const writeOthers: WriteBatch = async (db, schemas, batch, tries) => {
  const settlements = batch.map(asOther);
  const settled = await settleOthers(db, schemas, settlements);
  const states = new Map<string, OutcomeState>(settled.map(({ id, state }) => [id, state]));
  if (states.size === batch.length) return states;
  const landed = tries > 1 ? await landedBefore(db, schemas, settlements) : new Set();
  for (const { job, outcome, ran } of batch) {
    // Nothing is lost with a job that never ran. Snoozed and returned ones leave no record: sent
    // twice, they count as landed.
    const unrecorded = outcome.state === "snoozed" || outcome.state === "returned";
    const fine = landed.has(job.id) || !ran || (tries > 1 && unrecorded);
    if (!states.has(job.id) && fine) states.set(job.id, outcome.state);
  }
  return states;
};

/** Nothing but its row: no key, no serial queue, no details, no record of an earlier ending. */
function isPlain({ job, progressJson }: EndedAttempt): boolean {
  const lone = job.key === null && job.queue === null && !job.hasDetails;
  return lone && job.lastError === null && progressJson === null;
}

function settlementOf(ended: EndedAttempt) {
  return {
    id: ended.job.id,
    attempt: ended.job.attempt,
    lockedBy: ended.job.lockedBy,
    keyed: ended.job.key !== null,
    startedAtMs: ended.startedAtMs,
    finishedAtMs: ended.finishedAtMs,
    progressJson: ended.progressJson,
  };
}

function asCompleted(ended: EndedAttempt): CompletedSettlement {
  const { outcome } = ended;
  return {
    ...settlementOf(ended),
    outputJson: outcome.state === "completed" ? outcome.outputJson : null,
  };
}

function asOther(ended: EndedAttempt): OtherSettlement {
  const { outcome } = ended;
  if (outcome.state === "completed") throw new TypeError("completed attempts settle in bulk");
  return {
    ...settlementOf(ended),
    state: outcome.state,
    delayMs: "delayMs" in outcome ? outcome.delayMs : 0,
    reason:
      "reason" in outcome ? (outcome.reason?.toWellFormed().replaceAll("\0", "") ?? null) : null,
    error: "error" in outcome ? outcome.error : null,
  };
}

const refusedName = "OutcomeRefused";

/** Of an attempt whose outcome the database would not take. */
function refused(ended: EndedAttempt, error: unknown): EndedAttempt {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    ...ended,
    progressJson: null,
    outcome: {
      state: "failed",
      error: {
        name: refusedName,
        message: `The database refused what this attempt left: ${reason}`,
        stack: null,
        rule: "default",
        thrown: error,
      },
    },
  };
}
