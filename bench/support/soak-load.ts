/**
 * The soak's jobs: added by SQL at a steady rate, and counted by triggers of this database, so
 * that each one that was accepted is known when its own record has long been removed.
 */

import type pg from "pg";
import { shares } from "./soak-project.ts";

export interface Account {
  readonly accepted: number;
  /** Those with exactly one record of their end. */
  readonly done: number;
  readonly failed: number;
  /** Still to be run. */
  readonly open: number;
  /** Neither ended nor in the queue. */
  readonly lost: number;
  /** More than one record of their end. */
  readonly doubled: number;
}

const accounts = `
  create table soak_accepted (job_id bigint primary key);
  create table soak_ended (job_id bigint primary key, failed boolean, records int not null);
  create function soak_accept() returns trigger language plpgsql as $$
  begin
    insert into soak_accepted select id from added on conflict do nothing;
    return null;
  end $$;
  create function soak_end() returns trigger language plpgsql as $$
  begin
    insert into soak_ended select job_id, state = 'failed', 1 from ended
      on conflict (job_id) do update set records = soak_ended.records + 1;
    return null;
  end $$;
  create trigger soak_accept after insert on graphile_worker._private_jobs
    referencing new table as added for each statement execute function soak_accept();
  create trigger soak_end after insert on taskrun.history
    referencing new table as ended for each statement execute function soak_end();`;

const noAccounts = `
  drop trigger if exists soak_accept on graphile_worker._private_jobs;
  drop trigger if exists soak_end on taskrun.history;
  drop function if exists soak_accept, soak_end;
  drop table if exists soak_accepted, soak_ended;`;

const isOpen = "(j.attempts < j.max_attempts or j.locked_at is not null)";

export class SoakLoad {
  readonly #pool: pg.Pool;
  readonly #perSecond: number;
  #number = 0;
  #owed = 0;
  #timer: NodeJS.Timeout | null = null;
  #adding: Promise<void> = Promise.resolve();
  #error: unknown = null;

  constructor(pool: pg.Pool, perSecond: number) {
    this.#pool = pool;
    this.#perSecond = perSecond;
  }

  /** Needs a migrated database. */
  async openAccounts(): Promise<void> {
    await this.#pool.query(noAccounts + accounts);
  }

  /** A database that was given stays as it was. */
  async closeAccounts(): Promise<void> {
    await this.#pool.query(noAccounts);
  }

  start(): void {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#owed += ((now - last) / 1000) * this.#perSecond;
      last = now;
      this.#adding = this.#adding
        .then(() => this.#add())
        .catch((error) => {
          this.#error ??= error;
        });
    }, 100);
  }

  /** Resolves when no more is added. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#adding;
    if (this.#error !== null) throw this.#error;
  }

  async account(): Promise<Account> {
    const { rows } = await this.#pool.query<Account>(
      `select count(*)::int as accepted,
         count(*) filter (where e.records = 1)::int as done,
         count(*) filter (where e.failed)::int as failed,
         count(*) filter (where e.job_id is null and ${isOpen})::int as open,
         count(*) filter (where e.job_id is null and j.id is null)::int as lost,
         count(*) filter (where e.records > 1)::int as doubled
       from soak_accepted a
       left join soak_ended e on e.job_id = a.job_id
       left join graphile_worker._private_jobs j on j.id = a.job_id`,
    );
    const [account] = rows;
    if (account === undefined) throw new Error("an aggregate has a row");
    return account;
  }

  /** How many jobs are still to be run. */
  async backlog(): Promise<number> {
    const { rows } = await this.#pool.query(
      `select count(*)::int as count from graphile_worker._private_jobs j where ${isOpen}`,
    );
    return rows[0].count;
  }

  async #add(): Promise<void> {
    // A machine that can't hold the rate gets less, not ever larger statements.
    const count = Math.min(Math.floor(this.#owed), this.#perSecond);
    this.#owed = Math.min(this.#owed - count, this.#perSecond);
    const jobs = Array.from({ length: count }, () => {
      this.#number += 1;
      const task = taskFor(this.#number);
      const queue = task === "serial" ? `queue ${this.#number % 10}` : null;
      const payload = { n: this.#number };
      return { task, payload, queue, attempts: task === "doomed" ? 1 : 2 };
    });
    await this.#pool.query(
      `select count(graphile_worker.add_job(j.task, j.payload, queue_name := j.queue,
         max_attempts := j.attempts))
       from json_to_recordset($1) as j (task text, payload json, queue text, attempts int)`,
      [JSON.stringify(jobs)],
    );
  }
}

/** The tasks take turns by their shares. */
function taskFor(number: number): string {
  // The golden ratio's multiples spread evenly over 0 to 1.
  let rest = (number * 0.618033988749895) % 1;
  for (const [task, share] of Object.entries(shares)) {
    rest -= share;
    if (rest < 0) return task;
  }
  return "quick";
}
