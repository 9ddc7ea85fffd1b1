/**
 * An attempt's durable steps: which are done, what they gave, how to undo them. Made when a
 * handler first asks for one. Owns what a name may be and when a step may start; running the
 * compensations is `compensate-steps.ts`.
 */

import type { StepOptions } from "../../core/context.ts";
import type { Journal, KeptStep } from "../../core/journal.ts";
import { fromKeptJson, toKeptJson } from "../../core/kept-json.ts";
import { ShutdownError, StepError } from "../../core/task-errors.ts";
import { pause } from "../../store/transient.ts";

/** What steps need of their attempt. */
export interface StepsAttempt {
  readonly stopReason: Error | null;
  /** The job's end is decided: what is done is to be undone, and nothing new is done. */
  readonly undoes: boolean;
  lose(reason: Error): void;
}

type Compensation = (result: unknown) => unknown;

interface KeptOptions {
  readonly compensate: Compensation | undefined;
  readonly secret: boolean;
}

const longestName = 200;

export class Steps {
  readonly #attempt: StepsAttempt;
  readonly #journal: Journal;
  readonly #kept = new Map<string, KeptStep>();
  readonly #compensations = new Map<string, Compensation>();
  readonly #used = new Set<string>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #writing = new Set<Promise<unknown>>();
  #loaded: Promise<void> | null = null;
  #ended = false;
  #closed = false;

  constructor(attempt: StepsAttempt, journal: Journal) {
    this.#attempt = attempt;
    this.#journal = journal;
  }

  /** `ctx.step`. */
  run<T>(name: string, fn: () => T | Promise<T>, options: StepOptions<T> = {}): Promise<T> {
    // why: it is called with what its own step gave
    const compensate = options.compensate as Compensation | undefined;
    const step = this.#run(name, fn, { compensate, secret: options.secret === true });
    track(this.#running, step);
    return step;
  }

  async #run<T>(
    name: string,
    fn: () => T | Promise<T>,
    { compensate, secret }: KeptOptions,
  ): Promise<T> {
    checkName(name);
    this.throwIfOver();
    if (this.#used.has(name)) {
      throw new StepError(
        `a step ${show(name)} was used before in this attempt. Number them: ${show(`${name} 2`)}`,
      );
    }
    this.#used.add(name);
    // Before anything is waited for: the handler may end while the kept steps are on their way.
    if (compensate !== undefined) this.#compensations.set(name, compensate);
    await this.load();
    if (this.#attempt.undoes && this.#leadsNoFurther()) throw new UndoingError(name);
    const kept = this.#kept.get(name);
    // In a round of compensations all that was done leads the way to what is still to be undone.
    if (kept !== undefined && (kept.state !== "compensated" || this.#attempt.undoes)) {
      return fromKeptJson(kept.resultJson) as T; // why: it is what the step of that name gave
    }
    if (this.#attempt.undoes) throw new UndoingError(name);
    this.throwIfOver();
    const startedAtMs = Date.now();
    const result = await this.#call(name, fn);
    const resultJson = toKeptJson(result, `step ${show(name)}`);
    const done = { name, compensable: compensate !== undefined, resultJson, startedAtMs, secret };
    if (this.#closed) throw new StepError(`step ${show(name)} ended after its attempt`);
    await track(this.#writing, this.#keep(done));
    return result;
  }

  /** Of all that is to be undone the handler has said how. */
  #leadsNoFurther(): boolean {
    return this.due().every(({ name }) => this.#compensations.has(name));
  }

  /** A step that threw is not done: it may be used again, also in this attempt. */
  async #call<T>(name: string, fn: () => T | Promise<T>): Promise<T> {
    try {
      return await fn();
    } catch (error) {
      this.#used.delete(name);
      throw error;
    }
  }

  async #keep(done: Parameters<Journal["keepStep"]>[0]): Promise<void> {
    const position = await this.#journal.keepStep(done);
    if (position === null) throw this.lost();
    this.#kept.set(done.name, { ...done, position, state: "done", tries: 0, error: null });
  }

  /** Ends the attempt without an outcome of its own: the job runs elsewhere. */
  lost(): Error {
    const reason = new ShutdownError("the job was given to another process");
    this.#attempt.lose(reason);
    return reason;
  }

  /** Reads the job's steps, once. */
  load(): Promise<void> {
    this.#loaded ??= this.#load().catch((error) => {
      this.#loaded = null;
      throw error;
    });
    return this.#loaded;
  }

  async #load(): Promise<void> {
    for (const step of await this.#journal.steps()) this.#kept.set(step.name, step);
  }

  /** Why nothing new may start: the attempt was told to stop, or its handler has ended. */
  throwIfOver(): void {
    if (this.#attempt.stopReason !== null) throw this.#attempt.stopReason;
    if (this.#ended) throw new StepError("the handler has ended: no step starts after it");
  }

  /**
   * The handler has ended: starts nothing more, and waits for steps that nobody waited for. Of
   * those that run on after a stop, only for results that are on their way.
   */
  async end(limitMs: number | false): Promise<void> {
    this.#ended = true;
    if (this.#attempt.stopReason === null && this.#running.size > 0) {
      const over = new AbortController();
      const all = Promise.allSettled(this.#running);
      const limit = limitMs === false ? [] : [pause(limitMs, over.signal)];
      await Promise.race([all, ...limit]);
      over.abort();
    }
    await this.written();
  }

  /** Resolves when no result is on its way to the database. */
  async written(): Promise<void> {
    while (this.#writing.size > 0) await Promise.allSettled(this.#writing);
  }

  /** A step that ends from now on is not kept: the job's outcome is on its way. */
  close(): void {
    this.#ended = true;
    this.#closed = true;
  }

  /** Results among them are secret. */
  get hasSecrets(): boolean {
    return [...this.#kept.values()].some(({ secret }) => secret === true);
  }

  /** What is to be undone, the last one first. */
  due(): KeptStep[] {
    return [...this.#kept.values()]
      .filter(({ name, state, compensable }) => {
        return state === "done" && (compensable || this.#compensations.has(name));
      })
      .sort((a, b) => b.position - a.position);
  }

  /** What could not be undone. */
  uncompensated(): KeptStep[] {
    return [...this.#kept.values()].filter(({ state }) => state === "uncompensated");
  }

  /** The handler came by this step and said how to undo it. */
  compensationOf(name: string): Compensation | undefined {
    return this.#compensations.get(name);
  }

  /** Notes what became of a step. */
  note(step: KeptStep): void {
    this.#kept.set(step.name, step);
  }

  /** A round of compensations begins: what an earlier one could not undo is due again. */
  beginRound(): void {
    for (const step of this.uncompensated()) {
      this.note({ ...step, state: "done", tries: 0, error: null });
    }
    for (const { name, state } of this.#kept.values()) {
      if (state === "compensated") this.#kept.delete(name);
    }
  }
}

/** Ends a handler's way through the steps that are done. Nobody sees it but the handler. */
class UndoingError extends Error {
  constructor(name: string) {
    super(`the job is being undone: its handler goes no further than step ${show(name)}`);
    this.name = "UndoingError";
  }
}

function track<T>(all: Set<Promise<unknown>>, promise: Promise<T>): Promise<T> {
  all.add(promise);
  const forget = () => all.delete(promise);
  promise.then(forget, forget);
  return promise;
}

function checkName(name: unknown): void {
  if (typeof name !== "string" || name === "") {
    throw new StepError("a step's name must be a text that is not empty: ctx.step(name, fn)");
  }
  if (name.length > longestName) {
    throw new StepError(
      `a step's name has ${name.length} characters, more than ${longestName}: ${show(name)}`,
    );
  }
  if (name.includes("\0") || !name.isWellFormed()) {
    throw new StepError(`a step's name has characters that Postgres can't store: ${show(name)}`);
  }
}

function show(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 59)}…` : name);
}
