/**
 * Finds connections whose statement will never be answered, and ends them: the way to the server
 * was lost without a word, so that a reply can't come and TCP would go on sending for a quarter
 * of an hour.
 *
 * A slow server must not be taken for a lost one. So it is asked, by a new connection, what the
 * old ones' sessions are doing: one that is still at our statement is left to it; one that is
 * idle, or isn't there, has answered long ago or never will.
 */

import pg from "pg";

export interface StalledConnectionsOptions {
  readonly connectionString: string;
  /** How often to look, in milliseconds; a statement is asked about after two looks. */
  readonly intervalMs?: number;
}

const defaultIntervalMs = 2000;
const probeTimeoutMs = 4000;

interface InUse {
  looks: number;
  /** Looks in a row that found its session doing nothing for us. */
  idle: number;
}

export class StalledConnections {
  readonly #options: StalledConnectionsOptions;
  readonly #inUse = new Map<pg.PoolClient, InUse>();
  readonly #timer: NodeJS.Timeout;
  #asking = false;

  /** Watches until the pool ends. Its clients are taken for statements, not to be held idle. */
  constructor(pool: pg.Pool, options: StalledConnectionsOptions) {
    this.#options = options;
    pool.on("acquire", (client) => this.#inUse.set(client, { looks: 0, idle: 0 }));
    pool.on("release", (_error, client) => this.#inUse.delete(client));
    this.#timer = setInterval(() => {
      if (pool.ending) clearInterval(this.#timer);
      else void this.#look();
    }, options.intervalMs ?? defaultIntervalMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const waiting: [pg.PoolClient, InUse][] = [];
    for (const [client, use] of this.#inUse) {
      use.looks += 1;
      if (use.looks >= 2) waiting.push([client, use]);
    }
    if (waiting.length === 0 || this.#asking) return;
    this.#asking = true;
    try {
      await this.#endIdle(waiting);
    } finally {
      this.#asking = false;
    }
  }

  async #endIdle(waiting: readonly (readonly [pg.PoolClient, InUse])[]): Promise<void> {
    const busy = await busySessions(this.#options.connectionString);
    if (busy === null) return;
    for (const [client, use] of waiting) {
      // Another statement's by now, or done.
      if (this.#inUse.get(client) !== use) continue;
      use.idle = busy.has(processIdOf(client)) ? 0 : use.idle + 1;
      // Once may be a reply on its way, or the moment between two statements.
      if (use.idle < 2) continue;
      this.#inUse.delete(client);
      // why: `end` cuts the connection off when a statement is under way on it
      void (client as unknown as pg.Client).end().catch(() => {});
    }
  }
}

/** The numbers of our role's sessions that are at a statement; null when nobody can tell. */
async function busySessions(connectionString: string): Promise<ReadonlySet<number> | null> {
  const client = new pg.Client({
    connectionString,
    application_name: "taskrun check",
    connectionTimeoutMillis: probeTimeoutMs,
    query_timeout: probeTimeoutMs,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number; own: boolean }>(
      `select pid, pid = pg_backend_pid() as own from pg_stat_activity
       where state = 'active' and usename = current_user`,
    );
    // Behind a pooler the numbers that clients are given mean nothing to the server.
    const own = rows.find((row) => row.own);
    if (own?.pid !== processIdOf(client)) return null;
    return new Set(rows.map((row) => row.pid));
  } catch {
    return null;
  } finally {
    void client.end().catch(() => {});
  }
}

function processIdOf(client: object): number {
  const id: unknown = Reflect.get(client, "processID");
  return typeof id === "number" ? id : Number.NaN;
}
