/**
 * Connections, kept apart by what they are for: a handler that takes every connection it can
 * get must not be able to stop jobs from being settled.
 */

import pg from "pg";
import { StalledConnections } from "./stalled-connections.ts";

export interface PoolOptions {
  readonly connectionString: string;
  readonly max: number;
  /** Told of errors on idle connections; they are replaced by themselves. */
  readonly onError: (error: Error) => void;
}

/**
 * The queue's tables go from empty to huge within a minute, long before their statistics follow.
 * A plan made while they were empty would read them whole: by a scan, to build a hash or to sort
 * them; ours never should. With that settled there is one good plan for each statement: made once,
 * without looking at the values, and too short to be worth compiling.
 *
 * What is asked for has just been written, so it is in memory: were a random page dear, a few
 * hundred rows would not be looked up by their places while reading all of a small queue, once for
 * each of them, seems cheaper.
 *
 * The queue's statements count on seeing what others have committed before each of them; a database
 * may have been set to show less.
 */
const queueSettings = [
  "enable_seqscan=off",
  "enable_bitmapscan=off",
  "enable_mergejoin=off",
  "enable_hashjoin=off",
  "enable_sort=off",
  "enable_incremental_sort=off",
  "plan_cache_mode=force_generic_plan",
  "jit=off",
  "random_page_cost=0.05",
  "default_transaction_isolation=read\\ committed",
]
  .map((setting) => `-c ${setting}`)
  .join(" ");

/**
 * For the connection that listens. What is asked on it is asked again and again: it may be lost
 * with the server, so nobody waits for the disk, and it must not keep notifications waiting.
 */
export const listenerSettings = `${queueSettings} -c synchronous_commit=off -c lock_timeout=1s`;

// Asks the network about connections on which nothing has come for this long; the system's own
// patience is two hours.
const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;

/** For fetching and settling: short statements on indexed rows. */
export function createQueuePool({ connectionString, max, onError }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max,
    // A job that comes after a quiet hour must not wait for a connection to be made.
    min: 1,
    application_name: "taskrun queue",
    connectionTimeoutMillis: 10_000,
    ...keepAlive,
    statement_timeout: 60_000,
    // The server's own limit comes first, wherever it can be heard.
    query_timeout: 65_000,
    options: queueSettings,
  });
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", onError));
  new StalledConnections(pool, { connectionString });
  return pool;
}

/** Ends a pool; a connection that no longer answers holds it up for a second at most. */
export async function endPool(pool: pg.Pool): Promise<void> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, 1000).unref());
  await Promise.race([pool.end().catch(() => {}), late]);
}

/** For handlers: `ctx.query` and `ctx.withPgClient`. */
export function createHandlerPool({ connectionString, max, onError }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max,
    application_name: "taskrun handlers",
    // Well before an attempt's own limit, which would hide what it waited for.
    connectionTimeoutMillis: 10_000,
    ...keepAlive,
  });
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", onError));
  new StalledConnections(pool, { connectionString });
  return pool;
}
