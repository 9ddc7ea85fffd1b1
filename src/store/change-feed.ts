/**
 * What has changed since it was asked last, for those who watch: jobs, the progress of running
 * ones, what the tasks are, what is held back. Made to be asked every second by one reader for
 * all who watch.
 */

import type pg from "pg";
import type { JobState } from "../core/job.ts";
import { readGates } from "./gates.ts";
import { type ChangedJob, JobChanges } from "./job-changes.ts";
import { runningJobIds } from "./queue/changed-job-ids.ts";
import type { Schemas } from "./schemas.ts";

export type Change =
  | {
      readonly kind: "job";
      readonly id: string;
      readonly task: string;
      readonly state: JobState;
      readonly at: Date;
    }
  | {
      readonly kind: "progress";
      readonly id: string;
      readonly task: string;
      readonly done: number;
      readonly total: number | null;
      readonly message: string | null;
    }
  /** There was more than is told: whoever shows something asks again. */
  | { readonly kind: "missed" }
  | { readonly kind: "catalog" }
  | { readonly kind: "gates" };

const mostWatched = 2_000;

interface Watched {
  readonly task: string;
  /** As JSON; null before there was any. */
  readonly progress: string | null;
}

interface ProgressRow {
  readonly id: string;
  readonly progress: { done: number; total: number | null; message: string | null };
}

export class ChangeFeed {
  readonly #db: pg.Pool;
  readonly #schemas: Schemas;
  readonly #jobs: JobChanges<ChangedJob>;
  /** Jobs that run, by id. */
  readonly #running = new Map<string, Watched>();
  #catalog = "";
  #gates = "";

  constructor(db: pg.Pool, schemas: Schemas) {
    this.#db = db;
    this.#schemas = schemas;
    this.#jobs = new JobChanges(db, schemas, { isBrief: true });
  }

  /** Takes note of how things are: changes are told from here on. */
  async start(): Promise<void> {
    await this.#jobs.start();
    const ids = await runningJobIds(this.#db, this.#schemas, mostWatched);
    const { rows } = await this.#db.query<{ id: string; task: string }>(
      `select id::text, task from ${this.#schemas.own}.jobs where id = any ($1::bigint[])`,
      [ids],
    );
    for (const { id, task } of rows) this.#running.set(id, { task, progress: null });
    await this.#progress();
    this.#catalog = await this.#readCatalog();
    this.#gates = await this.#readGates();
  }

  async changes(): Promise<Change[]> {
    const found: Change[] = [];
    for (const { job } of await this.#jobs.changes()) {
      const { id, task, state } = job;
      const at = job.finished_at ?? job.started_at ?? job.created_at;
      found.push({ kind: "job", id, task, state, at });
      if (state !== "running") this.#running.delete(id);
      else if (this.#running.size < mostWatched) {
        this.#running.set(id, this.#running.get(id) ?? { task, progress: null });
      }
    }
    if (this.#jobs.hasMissed) found.push({ kind: "missed" });
    found.push(...(await this.#progress()));
    const [catalog, gates] = [await this.#readCatalog(), await this.#readGates()];
    if (catalog !== this.#catalog) found.push({ kind: "catalog" });
    if (gates !== this.#gates) found.push({ kind: "gates" });
    this.#catalog = catalog;
    this.#gates = gates;
    return found;
  }

  async #progress(): Promise<Change[]> {
    if (this.#running.size === 0) return [];
    const { rows } = await this.#db.query<ProgressRow>(
      `select job_id::text as id, progress from ${this.#schemas.own}.job_details
       where job_id = any ($1::bigint[]) and progress is not null`,
      [[...this.#running.keys()]],
    );
    const found: Change[] = [];
    for (const { id, progress } of rows) {
      const known = this.#running.get(id);
      const json = JSON.stringify(progress);
      if (known === undefined || known.progress === json) continue;
      this.#running.set(id, { task: known.task, progress: json });
      found.push({ kind: "progress", id, task: known.task, ...progress });
    }
    return found;
  }

  /** Another text when a process has published other tasks, has come or has gone. */
  async #readCatalog(): Promise<string> {
    const { own } = this.#schemas;
    const { rows } = await this.#db.query<{ text: string }>(
      `select concat((select count(*) || ' ' || max(published_at) from ${own}.tasks), ' ',
         (select md5(string_agg(id || load_failures::text || coalesce(tasks::text, ''), ','
           order by id)) from ${own}.processes where dead_at is null)) as text`,
    );
    return rows[0]?.text ?? "";
  }

  async #readGates(): Promise<string> {
    const { fingerprint } = await readGates(this.#db, this.#schemas);
    const { rows } = await this.#db.query<{ text: string }>(
      `select string_agg(identifier, ',' order by identifier) as text
       from ${this.#schemas.own}.cron_pauses`,
    );
    return `${fingerprint} ${rows[0]?.text ?? ""}`;
  }
}
