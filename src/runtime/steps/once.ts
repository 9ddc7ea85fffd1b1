/**
 * `ctx.once`: runs a function at most once for a key, across jobs and processes, and keeps its
 * result for a while. Owns what a key may be and what happens while another job is at it.
 */

import { randomUUID } from "node:crypto";
import type { OnceOptions } from "../../core/context.ts";
import { parseDuration } from "../../core/duration.ts";
import type { Journal } from "../../core/journal.ts";
import { fromKeptJson, toKeptJson } from "../../core/kept-json.ts";
import { RetryLaterError, ShutdownError, StepError } from "../../core/task-errors.ts";
import type { StepsAttempt } from "./steps.ts";

const longestKey = 512;
const busyDelay = "1s";

export class Once {
  readonly #attempt: StepsAttempt;
  readonly #journal: Journal;
  /** Under way in this attempt: asked for twice at once, a key is run once. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(attempt: StepsAttempt, journal: Journal) {
    this.#attempt = attempt;
    this.#journal = journal;
  }

  /** `ctx.once`. */
  async run<T>(key: string, fn: () => T | Promise<T>, options: OnceOptions = {}): Promise<T> {
    checkKey(key);
    const { retain = "24h" } = options;
    const retainMs = retain === false ? null : parseDuration(retain);
    const running = this.#running.get(key);
    if (running !== undefined) return running as Promise<T>; // why: the same key, the same thing
    const result = this.#run(key, fn, retainMs);
    this.#running.set(key, result);
    try {
      return await result;
    } finally {
      this.#running.delete(key);
    }
  }

  async #run<T>(key: string, fn: () => T | Promise<T>, retainMs: number | null): Promise<T> {
    const { stopReason, undoes } = this.#attempt;
    if (stopReason !== null) throw stopReason;
    if (undoes) return this.#find<T>(key);
    const claim = randomUUID();
    const claimed = await this.#journal.claimOnce(key, claim);
    if (claimed.state === "finished") return fromKeptJson(claimed.resultJson) as T; // why: as above
    if (claimed.state === "busy") {
      const message = `job ${claimed.jobId} is at ctx.once(${show(key)})`;
      throw new RetryLaterError(message, busyDelay);
    }
    const resultJson = await this.#call(key, claim, fn);
    const kept = await this.#journal.finishOnce(key, claim, { resultJson, retainMs });
    if (!kept) {
      // Only somebody who found this attempt's lock gone takes its claim.
      const lost = new ShutdownError("the job was given to another process");
      this.#attempt.lose(lost);
      throw lost;
    }
    return fromKeptJson(resultJson) as T; // why: toKeptJson refuses what would not come back
  }

  async #call(key: string, claim: string, fn: () => unknown): Promise<string | null> {
    try {
      return toKeptJson(await fn(), `ctx.once(${show(key)})`);
    } catch (error) {
      // Should this fail as well, the claim ends with the attempt.
      await this.#journal.dropOnce(key, claim).catch(() => {});
      throw error;
    }
  }

  /** A job that is being undone starts nothing. */
  async #find<T>(key: string): Promise<T> {
    const found = await this.#journal.findOnce(key);
    if (found !== undefined) return fromKeptJson(found.resultJson) as T; // why: as above
    throw new StepError(`the job is being undone: ctx.once(${show(key)}) is not run`);
  }
}

function checkKey(key: unknown): void {
  if (typeof key !== "string" || key === "") {
    throw new StepError("the key of ctx.once(key, fn) must be a text that is not empty");
  }
  if (key.length > longestKey) {
    throw new StepError(
      `the key of ctx.once has ${key.length} characters, more than ${longestKey}: ${show(key)}`,
    );
  }
  if (key.includes("\0") || !key.isWellFormed()) {
    throw new StepError(`the key of ctx.once can't be stored by Postgres: ${show(key)}`);
  }
}

function show(key: string): string {
  return JSON.stringify(key.length > 60 ? `${key.slice(0, 59)}…` : key);
}
