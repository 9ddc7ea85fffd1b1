/**
 * The ticks of the crontab over all processes: who inserts a tick's row queues its job, in the
 * same statement. A line that is paused has ticks and queues nothing. Owns the crontab's tables;
 * when a line is due is not known here.
 */

import type pg from "pg";
import type { Schemas } from "./schemas.ts";

/** A tick and the job that is due by it. */
export interface CronTick {
  readonly identifier: string;
  readonly tick: Date;
  readonly task: string;
  readonly payload: unknown;
  /** What `taskrun.add_job` takes. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface QueuedTick {
  readonly identifier: string;
  readonly tick: Date;
  readonly jobId: string;
}

/**
 * Queues the jobs of those ticks that nobody has queued before and whose line isn't paused; all of
 * them or, on error, none.
 */
export async function queueTicks(
  db: pg.Pool,
  { own }: Schemas,
  ticks: readonly CronTick[],
): Promise<QueuedTick[]> {
  // Everywhere in the same order: two processes at the same ticks then wait, not deadlock.
  const { rows } = await db.query<QueuedTick>(
    `with given as (
       select * from jsonb_to_recordset($1::jsonb)
         as t(identifier text, tick timestamptz, task text, payload jsonb, options jsonb)
     ),
     claimed as (
       insert into ${own}.cron_ticks (identifier, tick)
       select identifier, tick from given order by identifier, tick
       on conflict do nothing returning identifier, tick
     ),
     queued as materialized (
       select identifier, tick, ${own}.add_job(task, payload, options) as job_id
       from (
         select given.* from given join claimed using (identifier, tick)
         where not exists (select from ${own}.cron_pauses p
           where p.identifier = given.identifier)
         order by tick, identifier) as due
     ),
     noted as (
       insert into ${own}.cron_items as known (identifier, known_since, last_tick, last_job_id)
       select identifier, min(tick), max(tick), (array_agg(job_id order by tick desc)
         filter (where job_id is not null))[1]
       from claimed left join queued using (identifier, tick)
       group by identifier order by identifier
       on conflict (identifier) do update
         set last_tick = greatest(known.last_tick, excluded.last_tick),
           last_job_id = coalesce(excluded.last_job_id, known.last_job_id)
     )
     select identifier, tick, job_id::text as "jobId" from queued order by tick, identifier`,
    [JSON.stringify(ticks)],
  );
  return rows;
}

/**
 * Makes identifiers known from `now` on. Of those that were known before, returns the moment up
 * to which nothing was missed: their last tick, or when they became known.
 */
export async function noteItems(
  db: pg.Pool,
  { own }: Schemas,
  identifiers: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, Date>> {
  const { rows } = await db.query<{ identifier: string; seen: Date }>(
    `with given as (select unnest($1::text[]) as identifier),
     added as (
       insert into ${own}.cron_items (identifier, known_since)
       select identifier, $2 from given order by identifier on conflict do nothing
     )
     select identifier, coalesce(last_tick, known_since) as seen
     from ${own}.cron_items join given using (identifier)`,
    [identifiers, now],
  );
  return new Map(rows.map(({ identifier, seen }) => [identifier, seen]));
}

/** The last tick of each identifier that ever had one. */
export async function lastTicks(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
): Promise<ReadonlyMap<string, Date>> {
  const { rows } = await db.query<{ identifier: string; last_tick: Date }>(
    `select identifier, last_tick from ${own}.cron_items where last_tick is not null`,
  );
  return new Map(rows.map(({ identifier, last_tick }) => [identifier, last_tick]));
}

/** What is known of a line besides what the file says. */
export interface CronLineRow {
  readonly identifier: string;
  /** Queued by the last tick, or by hand since. */
  readonly last_job_id: string | null;
  readonly paused: boolean;
  readonly paused_by: string | null;
}

export async function listCronLines(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
): Promise<CronLineRow[]> {
  const { rows } = await db.query<CronLineRow>(
    `select identifier, i.last_job_id::text, p.identifier is not null as paused, p.paused_by
     from ${own}.cron_items i full join ${own}.cron_pauses p using (identifier)`,
  );
  return rows;
}

/** In every process, from its next tick on. A pause keeps who began it. */
export async function pauseCronLine(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
  { identifier, by, reason }: { identifier: string; by: string; reason: string | null },
): Promise<void> {
  await db.query(
    `insert into ${own}.cron_pauses (identifier, paused_by, reason) values ($1, $2, $3)
     on conflict do nothing`,
    [identifier, by, reason],
  );
}

/** What was due meanwhile stays undone. Whether it was paused. */
export async function resumeCronLine(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
  identifier: string,
): Promise<boolean> {
  const text = `delete from ${own}.cron_pauses where identifier = $1`;
  return (await db.query(text, [identifier])).rowCount === 1;
}

/** Somebody has queued the line's job by hand. */
export async function noteCronJob(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
  identifier: string,
  jobId: string,
): Promise<void> {
  await db.query(
    `insert into ${own}.cron_items (identifier, known_since, last_job_id) values ($1, now(), $2)
     on conflict (identifier) do update set last_job_id = excluded.last_job_id`,
    [identifier, jobId],
  );
}

/** Forgets ticks that are a week old, by the database's clock and by the caller's. */
export async function forgetOldTicks(db: pg.Pool, { own }: Schemas, now: Date): Promise<void> {
  await db.query(
    `delete from ${own}.cron_ticks where tick < least($1::timestamptz, now()) - interval '7 days'`,
    [now],
  );
}
