/** Whether requests can be answered now: the database, our connections to it, the event loop. */

import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { LoopLag } from "./loop-lag.ts";

export interface ReadinessReport {
  readonly ready: boolean;
  readonly checks: {
    readonly database: { readonly ok: boolean; readonly answered_ms: number | null };
    readonly pool: { readonly ok: boolean; readonly waiting: number; readonly max: number };
    readonly event_loop: { readonly ok: boolean; readonly worst_lag_ms: number };
  };
}

const answerWithinMs = 2_000;
const mostLagMs = 1_000;
const lagWindowMs = 10_000;

export class Readiness {
  readonly #db: pg.Pool;
  readonly #lag = new LoopLag({ windowMs: lagWindowMs });

  constructor(db: pg.Pool) {
    this.#db = db;
  }

  start(): void {
    this.#lag.start();
  }

  stop(): void {
    this.#lag.stop();
  }

  /** The longest delay of a timer of late, in milliseconds. */
  get worstLagMs(): number {
    return this.#lag.worstMs;
  }

  async look(): Promise<ReadinessReport> {
    const max = this.#db.options.max ?? 1;
    const waiting = this.#db.waitingCount;
    const lagMs = this.worstLagMs;
    const answeredMs = await this.#ask();
    const checks = {
      database: { ok: answeredMs !== null, answered_ms: answeredMs },
      // Twice as many waiting as served: they wait long.
      pool: { ok: waiting <= 2 * max, waiting, max },
      event_loop: { ok: lagMs <= mostLagMs, worst_lag_ms: lagMs },
    };
    return { ready: Object.values(checks).every(({ ok }) => ok), checks };
  }

  /** How long an answer took; null when there was none in time. */
  async #ask(): Promise<number | null> {
    const from = performance.now();
    const late = new AbortController();
    const answer = this.#db.query("select 1").then(
      () => Math.round(performance.now() - from),
      () => null,
    );
    const timeout = sleep(answerWithinMs, null, { signal: late.signal, ref: false });
    const first = await Promise.race([answer, timeout.catch(() => null)]);
    late.abort();
    return first;
  }
}
