/**
 * What Prometheus reads: jobs by state and task from the database, asked less often the longer it
 * takes; attempts as this process runs them; its connections, its event loop, its memory.
 */

import type pg from "pg";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { RuntimeEventMap, RuntimeEvents } from "../core/events.ts";
import { countFailed } from "../store/queue/count-failed.ts";
import { countQueued } from "../store/queue/count-queued.ts";
import type { Schemas } from "../store/schemas.ts";
import { SpacedScan } from "../store/spaced-scan.ts";
import type { Readiness } from "./readiness.ts";

export interface MetricsOptions {
  readonly db: pg.Pool;
  readonly schemas: Schemas;
  readonly readiness: Pick<Readiness, "worstLagMs">;
  /** Of the attempts that run in this process; left out where none do. */
  readonly events?: RuntimeEvents | undefined;
}

interface JobCount {
  readonly task: string;
  readonly state: string;
  readonly count: number;
}

const seconds = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800];

export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  readonly #options: MetricsOptions;
  readonly #attempts = this.#counter("attempts_total", "Attempts that ended in this process");
  readonly #durations = this.#histogram("attempt_duration_seconds", "How long attempts ran");
  readonly #waits = this.#histogram("attempt_wait_seconds", "From being due to an attempt's start");

  constructor(options: MetricsOptions) {
    this.#options = options;
    const { db, schemas, readiness } = options;
    const counts = new SpacedScan<JobCount[]>({ intervalMs: 5_000, share: 0.02 }, () =>
      countJobs(db, schemas),
    );
    this.#gauge("jobs", "Jobs that wait, run or have failed for good", ["task", "state"], (gauge) =>
      counts.answer().then((rows) => {
        gauge.reset();
        for (const { task, state, count } of rows) gauge.set({ task, state }, count);
      }),
    );
    this.#gauge("http_pool_connections", "Connections of the HTTP API", ["state"], (gauge) => {
      gauge.set({ state: "idle" }, db.idleCount);
      gauge.set({ state: "used" }, db.totalCount - db.idleCount);
      gauge.set({ state: "awaited" }, db.waitingCount);
    });
    this.#gauge("event_loop_lag_seconds", "The longest delay of a timer of late", [], (gauge) =>
      gauge.set(readiness.worstLagMs / 1000),
    );
    this.#gauge("resident_memory_bytes", "Memory of this process", [], (gauge) =>
      gauge.set(process.memoryUsage.rss()),
    );
    options.events?.on("attempt:finished", this.#note);
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  stop(): void {
    this.#options.events?.off("attempt:finished", this.#note);
  }

  readonly #note = (...[ended]: RuntimeEventMap["attempt:finished"]): void => {
    const { job, state, durationMs } = ended;
    const { task } = job;
    this.#attempts.inc({ task, state });
    this.#durations.observe({ task, state }, durationMs / 1000);
    const waitMs = Date.now() - durationMs - job.runAt.getTime();
    this.#waits.observe({ task, state }, Math.max(0, waitMs) / 1000);
  };

  #counter(name: string, help: string): Counter<"task" | "state"> {
    const labelNames = ["task", "state"] as const;
    return new Counter({ name: `taskrun_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string): Histogram<"task" | "state"> {
    return new Histogram({
      name: `taskrun_${name}`,
      help,
      labelNames: ["task", "state"],
      buckets: seconds,
      registers: [this.#registry],
    });
  }

  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: (gauge: Gauge<Label>) => unknown,
  ): void {
    const gauge: Gauge<Label> = new Gauge({
      name: `taskrun_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect: async () => void (await read(gauge)),
    });
  }
}

async function countJobs(db: pg.Pool, schemas: Schemas): Promise<JobCount[]> {
  const queued = await countQueued(db, schemas, { task: null, since: new Date(0) });
  const failed = await countFailed(db, schemas);
  // The queue knows a failure only where no record says so.
  const counts = new Map<string, JobCount>();
  for (const row of [...queued, ...failed.map((one) => ({ ...one, state: "failed" }))]) {
    const key = `${row.state} ${row.task}`;
    counts.set(key, { ...row, count: row.count + (counts.get(key)?.count ?? 0) });
  }
  return [...counts.values()];
}
