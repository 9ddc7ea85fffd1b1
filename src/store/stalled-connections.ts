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

interface Waiting {
  /** pg's own object for the statement under way; null when there is none. */
  readonly statement: unknown;
  readonly looks: number;
  /** Looks in a row that found its session doing nothing for us. */
  readonly idle: number;
}

const nothing: Waiting = { statement: null, looks: 0, idle: 0 };

export class StalledConnections {
  readonly #options: StalledConnectionsOptions;
  readonly #inUse = new Map<pg.PoolClient, Waiting>();
  readonly #timer: NodeJS.Timeout;
  #asking = false;

  /** Watches until the pool ends. */
  constructor(pool: pg.Pool, options: StalledConnectionsOptions) {
    this.#options = options;
    pool.on("acquire", (client) => this.#inUse.set(client, nothing));
    pool.on("release", (_error, client) => this.#inUse.delete(client));
    this.#timer = setInterval(() => {
      if (pool.ending) clearInterval(this.#timer);
      else void this.#look();
    }, options.intervalMs ?? defaultIntervalMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    let isDue = false;
    for (const [client, before] of this.#inUse) {
      const statement = statementOf(client);
      const same = statement !== null && statement === before.statement;
      const now = same ? { ...before, looks: before.looks + 1 } : { ...nothing, statement };
      this.#inUse.set(client, now);
      isDue ||= isAskedAbout(now);
    }
    if (!isDue || this.#asking) return;
    this.#asking = true;
    try {
      await this.#endIdle();
    } finally {
      this.#asking = false;
    }
  }

  async #endIdle(): Promise<void> {
    const asked = [...this.#inUse].filter(([, { looks }]) => looks > 0);
    const busy = await busySessions(this.#options.connectionString);
    if (busy === null) return;
    for (const [client, waiting] of asked) {
      // Answered meanwhile.
      if (this.#inUse.get(client)?.statement !== waiting.statement) continue;
      if (statementOf(client) !== waiting.statement) continue;
      const idle = busy.has(processIdOf(client)) ? 0 : waiting.idle + 1;
      this.#inUse.set(client, { ...waiting, idle });
      // Once may be a reply on its way.
      if (idle < 2) continue;
      this.#inUse.delete(client);
      // why: `end` cuts the connection off when a statement is under way on it
      void (client as unknown as pg.Client).end().catch(() => {});
    }
  }
}

/** At first each time; what takes long is asked about less often. */
function isAskedAbout({ looks, idle }: Waiting): boolean {
  return looks > 0 && (looks <= 3 || idle > 0 || looks % 5 === 0);
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
       where state = 'active' and usename = session_user`,
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

/** Null where pg doesn't tell: then nothing is ended. */
function statementOf(client: object): unknown {
  const find: unknown = Reflect.get(client, "_getActiveQuery");
  return typeof find === "function" ? (Reflect.apply(find, client, []) ?? null) : null;
}
