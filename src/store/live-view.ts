/**
 * What happens at this moment, all in one value: processes, running jobs, rates, waiting jobs,
 * failures. Made to be asked every second; what reads the whole queue is asked less often as the
 * queue grows.
 */

import type pg from "pg";
import { countQueued, type QueuedCount, type QueuedState } from "./queue/count-queued.ts";
import { type RunningJob, readRunning } from "./queue/read-running.ts";
import type { Schemas } from "./schemas.ts";
import { SpacedScan } from "./spaced-scan.ts";

export interface LiveProcess {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly started_at: Date;
  readonly silent_ms: number;
  readonly last_beat_at: Date;
  /** Tasks and aliases that it has; null before it has said so. */
  readonly tasks: readonly string[] | null;
  /** Attempts that it runs at once; null = not told. */
  readonly concurrency: number | null;
  /** The longest that its event loop kept a timer waiting since the beat before. */
  readonly loop_lag_ms: number | null;
  readonly rss_bytes: number | null;
  /** Handlers that did not stop when they were told to, and still run; null = not told. */
  readonly stuck: number | null;
  /** Jobs that it holds. */
  readonly running: number;
}

export interface LiveTask {
  readonly task: string;
  readonly waiting: Readonly<Record<QueuedState, number>>;
  readonly completed_per_second: number;
  readonly failed_per_second: number;
}

export interface LiveFailure {
  readonly id: string;
  readonly task: string | null;
  readonly attempt: number;
  readonly state: string;
  readonly error: string | null;
  readonly at: Date;
}

export interface LiveSnapshot {
  readonly at: Date;
  readonly processes: readonly LiveProcess[];
  /** The longest running first; at most `mostRunning`. */
  readonly running: readonly RunningJob[];
  readonly tasks: readonly LiveTask[];
  readonly completed_per_second: number;
  /** Jobs that failed for good. */
  readonly failed_per_second: number;
  /** Attempts that failed and are followed by another. */
  readonly retried_per_second: number;
  /** The newest first. */
  readonly failures: readonly LiveFailure[];
}

export const rateSeconds = 10;
const mostRunning = 2_000;
const shownFailures = 20;

export class LiveView {
  readonly #db: Pick<pg.Pool, "query">;
  readonly #schemas: Schemas;
  readonly #running: SpacedScan<RunningJob[]>;
  readonly #queued: SpacedScan<QueuedCount[]>;

  constructor(db: Pick<pg.Pool, "query">, schemas: Schemas) {
    this.#db = db;
    this.#schemas = schemas;
    const spaced = { intervalMs: 200, share: 0.05 };
    this.#running = new SpacedScan(spaced, () => readRunning(db, schemas, mostRunning));
    this.#queued = new SpacedScan(spaced, () =>
      countQueued(db, schemas, { task: null, since: new Date(0) }),
    );
  }

  async snapshot(): Promise<LiveSnapshot> {
    const running = await this.#running.answer();
    const queued = await this.#queued.answer();
    const ended = await countEnded(this.#db, this.#schemas);
    const retried = await countRetried(this.#db, this.#schemas);
    return {
      at: new Date(),
      processes: await listProcesses(this.#db, this.#schemas, running),
      running,
      tasks: tasksOf(queued, ended),
      completed_per_second: perSecond(ended, "completed"),
      failed_per_second: perSecond(ended, "failed"),
      retried_per_second: retried / rateSeconds,
      failures: await listFailedAttempts(this.#db, this.#schemas),
    };
  }
}

interface EndedCount {
  readonly task: string;
  readonly state: string;
  readonly count: number;
}

function perSecond(ended: readonly EndedCount[], state: string, task?: string): number {
  return (
    ended
      .filter((row) => row.state === state && (task === undefined || row.task === task))
      .reduce((sum, { count }) => sum + count, 0) / rateSeconds
  );
}

const nothing: Readonly<Record<QueuedState, number>> = {
  pending: 0,
  scheduled: 0,
  blocked: 0,
  running: 0,
  retrying: 0,
  failed: 0,
};

function tasksOf(queued: readonly QueuedCount[], ended: readonly EndedCount[]): LiveTask[] {
  const names = [...new Set([...queued, ...ended].map(({ task }) => task))].sort();
  return names.map((task) => {
    const waiting = { ...nothing };
    for (const row of queued) if (row.task === task) waiting[row.state] += row.count;
    return {
      task,
      waiting,
      completed_per_second: perSecond(ended, "completed", task),
      failed_per_second: perSecond(ended, "failed", task),
    };
  });
}

async function countEnded(db: Pick<pg.Pool, "query">, { own }: Schemas): Promise<EndedCount[]> {
  const { rows } = await db.query<EndedCount>(
    `select task, state, count(*)::int as count from ${own}.history
     where finished_at >= now() - $1 * interval '1 s' group by 1, 2`,
    [rateSeconds],
  );
  return rows;
}

async function countRetried(db: Pick<pg.Pool, "query">, { own }: Schemas): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int as count from ${own}.attempts
     where finished_at >= now() - $1 * interval '1 s' and state = 'retrying'`,
    [rateSeconds],
  );
  return rows[0]?.count ?? 0;
}

/** Those that live, with how many of the `running` jobs each holds; the oldest first. */
export async function listProcesses(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
  running: readonly RunningJob[],
): Promise<LiveProcess[]> {
  const { rows } = await db.query<Omit<LiveProcess, "running">>(
    `select id, host, pid, version, started_at, beat_at as last_beat_at, tasks, concurrency,
       loop_lag_ms, rss_bytes::float8 as rss_bytes, stuck,
       (extract(epoch from now() - beat_at) * 1000)::float8 as silent_ms
     from ${own}.processes where dead_at is null order by started_at`,
  );
  return rows.map((row) => ({
    ...row,
    running: running.filter(({ process }) => process === row.id).length,
  }));
}

async function listFailedAttempts(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
): Promise<LiveFailure[]> {
  const { rows } = await db.query<LiveFailure>(
    `select a.job_id::text as id, j.task, a.attempt, a.state, a.finished_at as at,
       coalesce(a.error_name || ': ', '') || a.error_message as error
     from (select * from ${own}.attempts order by finished_at desc limit $1) a
     -- The limit keeps Postgres from joining the whole view.
     left join lateral (select task from ${own}.jobs j where j.id = a.job_id limit 1) j on true
     order by a.finished_at desc`,
    [shownFailures],
  );
  return rows;
}
