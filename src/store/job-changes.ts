/**
 * Tells what has become of jobs since it was asked last: new ones and changes of state. Asks only
 * for what can have changed, by indexes; a state that a job passes through between two questions
 * is not told.
 */

import type pg from "pg";
import type { JobState } from "../core/job.ts";
import type { JobFilter } from "./job-filter.ts";
import type { JobRow } from "./jobs.ts";
import {
  type Ended,
  endedSince,
  highestJobId,
  newJobIds,
  runningJobIds,
} from "./queue/changed-job-ids.ts";
import type { Schemas } from "./schemas.ts";
import { SpacedScan } from "./spaced-scan.ts";

export interface JobChange {
  readonly job: JobRow;
  /** Null when it wasn't known. */
  readonly before: JobState | null;
}

const page = 2_000;
// A transaction that took a low id may commit after one with a higher id.
const lowerIds = 500n;
// Ends are stamped by the process that ran the job and seen once they are written.
const lateMs = 5_000;
const maxKnown = 50_000;
const maxTracked = 2_000;

interface Known {
  readonly state: JobState;
  readonly attempts: number;
}

const ended: ReadonlySet<JobState> = new Set(["completed", "failed", "cancelled"]);

export class JobChanges {
  readonly #db: pg.Pool;
  readonly #schemas: Schemas;
  readonly #filter: JobFilter;
  readonly #running: SpacedScan<string[]>;
  /** In the order of the last change. */
  readonly #known = new Map<string, Known>();
  #highest = 0n;
  #endedAt = new Date(0);
  #failedAt = new Date(0);

  constructor(db: pg.Pool, schemas: Schemas, filter: JobFilter = {}) {
    this.#db = db;
    this.#schemas = schemas;
    this.#filter = filter;
    this.#running = new SpacedScan({ intervalMs: 1_000, share: 0.02 }, () =>
      runningJobIds(db, schemas, maxTracked),
    );
  }

  /** Takes note of how things are: changes are told from here on. */
  async start(): Promise<void> {
    const { rows } = await this.#db.query<{ now: Date }>("select now()");
    this.#endedAt = rows[0]?.now ?? new Date();
    this.#failedAt = this.#endedAt;
    this.#highest = BigInt(await highestJobId(this.#db, this.#schemas));
    await this.changes();
  }

  /** In the order of the ids. */
  async changes(): Promise<JobChange[]> {
    const ids = new Set(this.#tracked());
    for (const id of await this.#newIds()) ids.add(id);
    for (const id of await this.#endedIds()) ids.add(id);
    for (const id of (await this.#running.fresh()) ?? []) ids.add(id);
    if (ids.size === 0) return [];
    const { rows } = await this.#db.query<JobRow>(
      `select * from ${this.#schemas.own}.jobs where id = any ($1::bigint[]) order by id`,
      [[...ids]],
    );
    this.#forgetRemoved(ids, rows);
    return rows.map((job) => this.#note(job)).filter((change) => change !== null);
  }

  /** Known jobs that can still change. */
  #tracked(): string[] {
    const alive: string[] = [];
    for (const [id, { state }] of [...this.#known].reverse()) {
      if (!ended.has(state)) alive.push(id);
      if (alive.length === maxTracked) break;
    }
    return alive;
  }

  async #newIds(): Promise<string[]> {
    const after = this.#highest > lowerIds ? this.#highest - lowerIds : 0n;
    const ids = await newJobIds(this.#db, this.#schemas, { after, limit: page });
    const last = BigInt(ids.at(-1) ?? 0);
    if (last > this.#highest) this.#highest = last;
    return ids.filter((id) => !this.#known.has(id));
  }

  async #endedIds(): Promise<string[]> {
    const done = await this.#since("history", this.#endedAt);
    const failed = await this.#since("attempts", this.#failedAt);
    this.#endedAt = next(done, this.#endedAt);
    this.#failedAt = next(failed, this.#failedAt);
    const isNew = ({ id }: Ended): boolean => {
      const known = this.#known.get(id);
      return known === undefined || !ended.has(known.state);
    };
    return [...done, ...failed].filter(isNew).map(({ id }) => id);
  }

  #since(table: "history" | "attempts", moment: Date): Promise<Ended[]> {
    const since = new Date(moment.getTime() - lateMs);
    return endedSince(this.#db, this.#schemas, table, { since, limit: page });
  }

  #note(job: JobRow): JobChange | null {
    const { id, state, attempts } = job;
    const before = this.#known.get(id) ?? null;
    if (before?.state === state && before.attempts === attempts) return null;
    this.#known.delete(id);
    this.#known.set(id, { state, attempts });
    this.#forgetOldest();
    return this.#isMeant(job) ? { job, before: before?.state ?? null } : null;
  }

  #isMeant({ id, task, state, queue, correlation_id }: JobRow): boolean {
    const { task: t = task, state: s = state, queue: q = queue, ids } = this.#filter;
    const correlation = this.#filter.correlationId ?? correlation_id;
    const fits = t === task && s === state && q === queue && correlation === correlation_id;
    return fits && (ids === undefined || ids.includes(id));
  }

  #forgetRemoved(asked: ReadonlySet<string>, rows: readonly JobRow[]): void {
    const found = new Set(rows.map(({ id }) => id));
    for (const id of asked) if (!found.has(id)) this.#known.delete(id);
  }

  #forgetOldest(): void {
    if (this.#known.size <= maxKnown) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Where to go on. When more came than a page holds, those that come late are given up. */
function next(rows: readonly Ended[], before: Date): Date {
  const last = rows.at(-1)?.at ?? before;
  if (rows.length < page) return last > before ? last : before;
  return new Date(last.getTime() + lateMs);
}
