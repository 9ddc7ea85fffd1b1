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

/** What every change tells of its job. */
export type ChangedJob = Pick<
  JobRow,
  | "id"
  | "task"
  | "state"
  | "attempts"
  | "queue"
  | "correlation_id"
  | "created_at"
  | "started_at"
  | "finished_at"
>;

export interface JobChange<Job extends ChangedJob = JobRow> {
  readonly job: Job;
  /** Null when it wasn't known. */
  readonly before: JobState | null;
}

const wholePage = 2_000;
/** For who only wants to know that something happens. */
const shortPage = 100;
// A transaction that took a low id may commit after one with a higher id.
const lowerIds = 500n;
// Ends are stamped by the process that ran the job and seen once they are written.
const lateMs = 5_000;
const maxKnown = 50_000;

interface Known {
  readonly state: JobState;
  readonly attempts: number;
}

const ended: ReadonlySet<JobState> = new Set(["completed", "failed", "cancelled"]);

export interface JobChangesOptions {
  readonly filter?: JobFilter;
  /**
   * Tells less of each job, and of a flood of changes only a part, so that many can watch: whatever
   * happens meanwhile, it is told what happens now. Default: everything is told, however late.
   */
  readonly isBrief?: boolean;
}

const briefColumns = `id, task, state, attempts, queue, correlation_id, created_at, started_at,
  finished_at`;

export class JobChanges<Job extends ChangedJob = JobRow> {
  readonly #db: pg.Pool;
  readonly #schemas: Schemas;
  readonly #filter: JobFilter;
  readonly #running: SpacedScan<string[]>;
  /** In the order of the last change. */
  readonly #known = new Map<string, Known>();
  #highest = 0n;
  #endedAt = new Date(0);
  #failedAt = new Date(0);
  readonly #isBrief: boolean;
  readonly #page: number;
  #hasMissed = false;

  constructor(db: pg.Pool, schemas: Schemas, options: JobChangesOptions = {}) {
    const { filter = {}, isBrief = false } = options;
    this.#db = db;
    this.#schemas = schemas;
    this.#filter = filter;
    this.#isBrief = isBrief;
    this.#page = isBrief ? shortPage : wholePage;
    this.#running = new SpacedScan({ intervalMs: 1_000, share: 0.02 }, () =>
      runningJobIds(db, schemas, this.#page),
    );
  }

  /** Brief: whether there was more to tell at the last look. */
  get hasMissed(): boolean {
    return this.#hasMissed;
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
  async changes(): Promise<JobChange<Job>[]> {
    this.#hasMissed = false;
    const ids = new Set(this.#tracked());
    for (const id of await this.#newIds()) ids.add(id);
    for (const id of await this.#endedIds()) ids.add(id);
    for (const id of (await this.#running.fresh()) ?? []) ids.add(id);
    if (ids.size === 0) return [];
    const { rows } = await this.#db.query<Job>(
      `select ${this.#isBrief ? briefColumns : "*"} from ${this.#schemas.own}.jobs
       where id = any ($1::bigint[]) order by id`,
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
      if (alive.length === this.#page) break;
    }
    return alive;
  }

  async #newIds(): Promise<string[]> {
    const after = this.#highest > lowerIds ? this.#highest - lowerIds : 0n;
    const limit = this.#page + Number(lowerIds);
    const ids = await newJobIds(this.#db, this.#schemas, { after, limit });
    let last = BigInt(ids.at(-1) ?? 0);
    if (this.#isBrief && ids.length === limit) {
      last = BigInt(await highestJobId(this.#db, this.#schemas));
      this.#hasMissed = true;
    }
    if (last > this.#highest) this.#highest = last;
    return ids.filter((id) => !this.#known.has(id));
  }

  async #endedIds(): Promise<string[]> {
    const done = await this.#since("history", this.#endedAt);
    const failed = await this.#since("attempts", this.#failedAt);
    this.#endedAt = this.#next(done, this.#endedAt);
    this.#failedAt = this.#next(failed, this.#failedAt);
    const isNew = ({ id }: Ended): boolean => {
      const known = this.#known.get(id);
      return known === undefined || !ended.has(known.state);
    };
    return [...done, ...failed].filter(isNew).map(({ id }) => id);
  }

  #since(table: "history" | "attempts", moment: Date): Promise<Ended[]> {
    const since = new Date(moment.getTime() - lateMs);
    return endedSince(this.#db, this.#schemas, table, { since, limit: this.#page });
  }

  /** Where to go on. When more came than a page holds, those that come late are given up. */
  #next(rows: readonly Ended[], before: Date): Date {
    const last = rows.at(-1)?.at ?? before;
    if (rows.length < this.#page) return last > before ? last : before;
    const from = new Date(last.getTime() + lateMs);
    if (!this.#isBrief) return from;
    this.#hasMissed = true;
    const now = new Date(Date.now() + lateMs);
    return now > from ? now : from;
  }

  #note(job: Job): JobChange<Job> | null {
    const { id, state, attempts } = job;
    const before = this.#known.get(id) ?? null;
    if (before?.state === state && before.attempts === attempts) return null;
    this.#known.delete(id);
    this.#known.set(id, { state, attempts });
    this.#forgetOldest();
    return this.#isMeant(job) ? { job, before: before?.state ?? null } : null;
  }

  #isMeant({ id, task, state, queue, correlation_id }: Job): boolean {
    const { task: t = task, state: s = state, queue: q = queue, ids } = this.#filter;
    const correlation = this.#filter.correlationId ?? correlation_id;
    const fits = t === task && s === state && q === queue && correlation === correlation_id;
    return fits && (ids === undefined || ids.includes(id));
  }

  #forgetRemoved(asked: ReadonlySet<string>, rows: readonly Job[]): void {
    const found = new Set(rows.map(({ id }) => id));
    for (const id of asked) if (!found.has(id)) this.#known.delete(id);
  }

  #forgetOldest(): void {
    if (this.#known.size <= maxKnown) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}
