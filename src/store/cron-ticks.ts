/**
 * The ticks of the crontab over all processes: who inserts a tick's row queues its job, in the
 * same statement. Owns both tables of the crontab; when a line is due is not known here.
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

/** Queues the jobs of those ticks that nobody has queued before; all of them or, on error, none. */
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
     noted as (
       insert into ${own}.cron_items as known (identifier, known_since, last_tick)
       select identifier, min(tick), max(tick) from claimed group by identifier order by identifier
       on conflict (identifier) do update
         set last_tick = greatest(known.last_tick, excluded.last_tick)
     )
     select identifier, tick, ${own}.add_job(task, payload, options)::text as "jobId"
     from given join claimed using (identifier, tick) order by tick, identifier`,
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

/** Forgets ticks that are a week old, by the database's clock and by the caller's. */
export async function forgetOldTicks(db: pg.Pool, { own }: Schemas, now: Date): Promise<void> {
  await db.query(
    `delete from ${own}.cron_ticks where tick < least($1::timestamptz, now()) - interval '7 days'`,
    [now],
  );
}
