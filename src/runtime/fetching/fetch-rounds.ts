/**
 * Asks for jobs: when something may be due and there is room, and for how many at once. Owns what
 * this process knows of the queue without asking it, and the statements that are under way.
 */

import type { QueueJob } from "../../store/queue/queue-job.ts";
import type { DispatcherOptions } from "./dispatcher-options.ts";
import { DueHints } from "./due-hints.ts";
import { DueTimer } from "./due-timer.ts";
import { FetchDepth } from "./fetch-depth.ts";
import { SpacedCalls } from "./spaced-calls.ts";

type OfDispatcher = "concurrency" | "settler" | "fetch" | "onFetched" | "onFetchError";

export interface FetchRoundsOptions extends Pick<DispatcherOptions, OfDispatcher> {
  /** How many jobs run and wait here. */
  readonly held: () => number;
  /** Takes over what has come. `isVoid`: those locks are, or are to be, given up. */
  readonly take: (jobs: readonly QueueJob[], isVoid: boolean) => void;
  /** After each answer, and each failure. */
  readonly onAnswered: () => void;
  /** Something may have become due without anybody telling. */
  readonly wake: () => void;
}

// Two: one batch is being worked on while the next is on its way.
const maxInFlight = 2;
// Settling has fallen behind by this much: let it catch up before starting more.
export const maxBacklog = 5000;
// While jobs keep coming, this often is soon enough for an urgent one.
const urgentIntervalMs = 20;
// A database that refuses every statement must not be asked without end.
const retryMs = 250;

export class FetchRounds {
  readonly #options: FetchRoundsOptions;
  readonly #depth: FetchDepth;
  readonly #due = new DueHints();
  readonly #later: DueTimer;
  readonly #urgent = new SpacedCalls(urgentIntervalMs, () => this.#askUrgent());
  #accepting = false;
  #generation = 0;
  #landed = false;
  #inFlight = 0;
  #requested = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: FetchRoundsOptions) {
    this.#options = options;
    this.#depth = new FetchDepth(options.concurrency);
    this.#later = new DueTimer(options.wake);
  }

  /** Between start and stop. */
  get accepting(): boolean {
    return this.#accepting;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** There may be due jobs that nobody has asked for yet. */
  get mayBeDue(): boolean {
    return this.#due.open;
  }

  /** Something was settled since the last statement was sent. */
  get settledSince(): boolean {
    return this.#landed;
  }

  start(): void {
    this.#accepting = true;
  }

  /** What is under way still comes, and is void. */
  stop(): void {
    this.#accepting = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#urgent.stop();
    this.#later.stop();
  }

  /** What is under way is void. */
  drop(): void {
    this.#generation += 1;
  }

  /** Something may have become due. */
  hint(): void {
    this.#due.hint();
  }

  /** It will, in so many milliseconds. */
  hintLater(delayMs: number): void {
    this.#later.add(delayMs);
  }

  settled(): void {
    this.#landed = true;
  }

  /** An attempt has ended. */
  finished(): void {
    this.#depth.finished();
  }

  /** Jobs that were taken ahead have not been started in time. */
  tookTooMany(): void {
    this.#depth.drained();
  }

  /** Nothing runs or waits here. */
  idle(): void {
    this.#depth.idle(performance.now());
  }

  /**
   * What has just come may be more urgent than all that was taken ahead. It would wait for the
   * large fetches under way and for room after them; a small fetch of its own brings it now, and
   * it goes before everything that waits here.
   */
  askUrgent(): void {
    if (this.#depth.isDeep) this.#urgent.ask();
  }

  #askUrgent(): void {
    if (this.#depth.isDeep && this.#mayAsk()) void this.#ask(this.#options.concurrency, true);
  }

  #mayAsk(): boolean {
    if (!this.#accepting || !this.#due.open || this.#retry !== undefined) return false;
    return this.#options.settler.backlog < maxBacklog;
  }

  askIfRoom(): void {
    if (this.#inFlight >= maxInFlight || !this.#mayAsk()) return;
    const depth = this.#depth.depth;
    const room = depth - this.#options.held() - this.#requested;
    if (room <= 0) return;
    // A shallow queue is asked by one statement at a time, for whatever is free. A deep one is
    // taken in large pieces, and the next piece is asked for while the last is being worked on.
    if (this.#depth.isDeep ? room < depth / 2 : this.#inFlight > 0) return;
    void this.#ask(room);
  }

  async #ask(limit: number, urgent = false): Promise<void> {
    this.#inFlight += 1;
    this.#requested += limit;
    const generation = this.#generation;
    const askedAt = this.#due.asked();
    this.#landed = false;
    const { fetch, onAnswered, onFetchError, onFetched, take } = this.#options;
    try {
      const { jobs, more, release } = await fetch(limit, urgent);
      onFetched();
      this.#due.answered(askedAt, more);
      const isVoid = !this.#accepting || generation !== this.#generation;
      if (jobs.length > 0 && !isVoid) this.#depth.busy(performance.now());
      take(jobs, isVoid);
      // What is urgent says nothing of how deep the queue is.
      if (!urgent) this.#depth.answered(jobs.length >= limit, performance.now());
      release();
    } catch (error) {
      onFetchError(error);
      if (this.#accepting) this.#retryLater();
    } finally {
      this.#inFlight -= 1;
      this.#requested -= limit;
      onAnswered();
    }
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#options.wake();
    }, retryMs);
  }
}
