/**
 * Puts outcomes into the database. An attempt's slot is free as soon as its outcome is handed
 * over here; outcomes gather while a batch is under way and go out together.
 *
 * A batch is sent again until it lands. A batch whose values the database refuses is split, so
 * that one row can't hold up the others; the row itself is settled as failed with the
 * database's reason.
 */

import type pg from "pg";
import type { RuntimeEvents } from "../../core/events.ts";
import type { Logger } from "../../core/logger.ts";
import type { OutcomeState } from "../../core/outcome.ts";
import type { Task } from "../../core/task.ts";
import type { Schemas } from "../../store/schemas.ts";
import { isRefusal, isTooSlow, retryTransient } from "../../store/transient.ts";
import {
  type EndedAttempt,
  isPlain,
  type WriteBatch,
  writeCompleted,
  writeOthers,
  writePlain,
} from "./write-batch.ts";
import { writeWaiting } from "./write-waiting.ts";

export interface SettlerOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly events: RuntimeEvents;
  readonly logger: Logger;
  /** Called when a batch has landed: serial queues are free again, retries may be due. */
  readonly onSettled: (ended: readonly EndedAttempt[]) => void;
  /** Whether more attempts will end in the next turn of the event loop: then their batch waits. */
  readonly moreAtOnce?: () => boolean;
  /** What became of a job whose task has a breaker; null when it had been lost. */
  readonly onGuarded?: (ended: EndedAttempt, task: Task, state: OutcomeState | null) => void;
}

const maxBatch = 1000;
// These are written one after the other, and one batch at a time in all processes.
const maxWaitingBatch = 50;
// Two: while the server works on one batch the next is on its way.
const maxBatchesInFlight = 2;

export class Settler {
  readonly #options: SettlerOptions;
  readonly #giveUp = new AbortController();
  #plain: EndedAttempt[] = [];
  #completed: EndedAttempt[] = [];
  #others: EndedAttempt[] = [];
  #waiting: EndedAttempt[] = [];
  #inFlight = 0;
  #inFlightAttempts = 0;
  #flushScheduled = false;
  #stranded = false;
  #idle: PromiseWithResolvers<void> | null = null;
  readonly counts: Record<OutcomeState | "lost", number> = {
    completed: 0,
    retrying: 0,
    snoozed: 0,
    cancelled: 0,
    failed: 0,
    returned: 0,
    waiting: 0,
    lost: 0,
  };

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Outcomes handed over that are not in the database yet. */
  get backlog(): number {
    const others = this.#others.length + this.#waiting.length;
    return this.#plain.length + this.#completed.length + others + this.#inFlightAttempts;
  }

  add(ended: EndedAttempt): void {
    if (ended.outcome.state === "waiting") this.#waiting.push(ended);
    else if (ended.outcome.state !== "completed") this.#others.push(ended);
    else if (isPlain(ended)) this.#plain.push(ended);
    else this.#completed.push(ended);
    if (this.#plain.length >= maxBatch) this.#flush();
    else if (!this.#flushScheduled) this.#flushLater();
  }

  /** Attempts that end in the same turn of the event loop share a batch, or in the same few. */
  #flushLater(): void {
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      if (this.#options.moreAtOnce?.() && this.#plain.length > 0) this.#flushLater();
      else this.#flush();
    });
  }

  /** Resolves when everything handed over so far is in the database. */
  async idle(): Promise<void> {
    if (this.backlog === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** Waits for `idle`, but no longer than this; then stops trying. Whether all is written. */
  async stop(deadlineMs: number): Promise<boolean> {
    const deadline = Promise.withResolvers<false>();
    const timer = setTimeout(() => {
      this.#giveUp.abort();
      deadline.resolve(false);
    }, deadlineMs);
    const inTime = await Promise.race([this.idle().then(() => true), deadline.promise]);
    clearTimeout(timer);
    return inTime && !this.#stranded;
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
    if (this.#waiting.length > 0) return [writeWaiting, this.#waiting.splice(0, maxWaitingBatch)];
    if (this.#completed.length > 0) return [writeCompleted, this.#completed.splice(0, maxBatch)];
    return [writePlain, this.#plain.splice(0, maxBatch)];
  }

  /** `sent`: how often it may have landed already, without anybody knowing. */
  async #settle(batch: readonly EndedAttempt[], write: WriteBatch, sent = 0): Promise<void> {
    const { db, schemas, logger, events } = this.#options;
    let waiting = false;
    let unsure = sent;
    try {
      const states = await retryTransient(() => write(db, schemas, batch, unsure + 1), {
        signal: this.#giveUp.signal,
        retries: (error) => {
          if (!isRefusal(error)) unsure += 1;
          // A smaller piece of it may be done in the time that a statement has.
          return !isRefusal(error) && !(isTooSlow(error) && batch.length > 1);
        },
        onRetry: (error, delayMs) => {
          if (!waiting) events.emit("database:waiting", { error });
          waiting = true;
          logger.warn({ err: error, delayMs, jobs: batch.length }, "settling again");
        },
      });
      if (waiting) events.emit("database:back");
      this.#report(batch, states);
    } catch (error) {
      await this.#settleApart(batch, write, { error, sent: unsure });
    }
  }

  async #settleApart(
    batch: readonly EndedAttempt[],
    write: WriteBatch,
    { error, sent }: { readonly error: unknown; readonly sent: number },
  ): Promise<void> {
    const { logger } = this.#options;
    if (this.#giveUp.signal.aborted) {
      logger.error({ err: error, jobs: batch.length }, "stopped before outcomes were written");
      return;
    }
    const half = batch.length >> 1;
    if (half > 0) {
      await this.#settle(batch.slice(0, half), write, sent);
      await this.#settle(batch.slice(half), write, sent);
      return;
    }
    const [ended] = batch;
    if (ended === undefined) return;
    // Perhaps only the short way was refused: there may be a record of an earlier ending.
    if (write === writePlain) return this.#settle(batch, writeCompleted, sent);
    logger.error({ err: error, jobId: ended.job.id }, "the database refused an outcome");
    const { outcome } = ended;
    if (outcome.state === "failed" && outcome.error.name === refusedName) {
      // Its lock stays until this process has gone: then another gives the job away.
      this.#stranded = true;
      return;
    }
    await this.#settle([refused(ended, error)], writeOthers);
  }

  #report(batch: readonly EndedAttempt[], states: ReadonlyMap<string, OutcomeState> | "as is") {
    const { events, logger } = this.#options;
    const heard = events.listenerCount("attempt:finished") > 0;
    for (const ended of batch) {
      const state = states === "as is" ? ended.outcome.state : states.get(ended.job.id);
      if (ended.guarded !== undefined) {
        this.#options.onGuarded?.(ended, ended.guarded, state ?? null);
      }
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
