/** The table of running processes: who is here, who has fallen silent. */

import type pg from "pg";
import { holdsNoLock } from "./queue/locks.ts";
import { type RescuedJobs, rescueJobs } from "./queue/rescue.ts";
import type { Schemas } from "./schemas.ts";

/** A message has room for 8,000 bytes. What is not told of is found by the poll. */
const mostTimesTold = 200;

export interface ProcessRow {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Processes with the same one can see each other's pid; null = unknown. */
  readonly pidSpace: string | null;
  readonly version: string;
  /** How many attempts it runs at once; left out where nobody needs to know. */
  readonly concurrency?: number;
}

export async function addProcess(db: pg.Pool, schemas: Schemas, row: ProcessRow): Promise<void> {
  await db.query(
    `insert into ${schemas.own}.processes (id, host, pid, pid_space, version, concurrency)
     values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing`,
    [row.id, row.host, row.pid, row.pidSpace, row.version, row.concurrency ?? null],
  );
}

/** The job is about to be run by the process; for one that may kill it before the next beat. */
export async function noteRunning(
  db: pg.Pool,
  { own }: Schemas,
  processId: string,
  jobId: string,
): Promise<void> {
  await db.query(
    `update ${own}.processes set running = array_append(array_remove(running, $2), $2::bigint)
     where id = $1`,
    [processId, jobId],
  );
}

/** Called when the process holds no lock any more. */
export async function removeProcess(db: pg.Pool, schemas: Schemas, id: string): Promise<void> {
  await db.query(`delete from ${schemas.own}.processes where id = $1 and dead_at is null`, [id]);
}

export interface Beat {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly pidSpace: string | null;
  /** A decimal string; only compared for being the same. "0" before the first beat. */
  readonly seq: string;
  readonly dead: boolean;
}

/** An expression for all processes as `Beat`s. */
export function beatsAsJson({ own }: Schemas): string {
  return `(select coalesce(json_agg(json_build_object('id', id, 'host', host, 'pid', pid,
    'pidSpace', pid_space, 'seq', beat_seq::text, 'dead', dead_at is not null)), '[]')
    from ${own}.processes)`;
}

/** Every process and how far its heartbeat has counted. */
export async function listBeats(db: pg.Pool, schemas: Schemas): Promise<Beat[]> {
  const { rows } = await db.query(
    `select id, host, pid, pid_space as "pidSpace", beat_seq as seq, dead_at is not null as dead
     from ${schemas.own}.processes`,
  );
  return rows;
}

/**
 * Declares a process dead if its beat still stands at `seq`, and gives its jobs away, in one
 * transaction. Undefined when it had beaten meanwhile or another process is at it.
 */
export async function buryProcess(
  db: pg.Pool,
  schemas: Schemas,
  beat: Beat,
  reason: string,
): Promise<RescuedJobs | undefined> {
  const client = await db.connect();
  try {
    await client.query("begin");
    const { rowCount } = await client.query(
      `select 1 from ${schemas.own}.processes where id = $1 and beat_seq = $2
       for update skip locked`,
      [beat.id, beat.seq],
    );
    if (!rowCount) {
      await client.query("rollback");
      return undefined;
    }
    await client.query(
      `update ${schemas.own}.processes set dead_at = coalesce(dead_at, now()),
         dead_reason = coalesce(dead_reason, $2) where id = $1`,
      [beat.id, reason],
    );
    const rescued = await rescueJobs(client, schemas, beat.id, reason);
    await tellDue(client, schemas, rescued.dueInMs);
    await client.query("commit");
    return rescued;
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

/** Of what is put off without an `add_job` the other processes would hear at their next poll. */
async function tellDue(
  client: pg.ClientBase,
  { controlChannel }: Schemas,
  dueInMs: readonly number[],
): Promise<void> {
  if (dueInMs.length === 0) return;
  const message = { kind: "due", inMs: dueInMs.slice(0, mostTimesTold) };
  await client.query("select pg_notify($1, $2)", [controlChannel, JSON.stringify(message)]);
}

/** Removes tombstones that are a day old and hold nothing. */
export async function removeOldTombstones(db: pg.Pool, schemas: Schemas): Promise<void> {
  await db.query(
    `delete from ${schemas.own}.processes p where dead_at < now() - interval '1 day'
     and ${holdsNoLock(schemas, "p.id")}`,
  );
}
