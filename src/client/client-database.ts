/**
 * A client's way to the database: connects when first needed, keeps at most one connection that
 * nobody uses, and keeps no process alive. Owns its connections; a pool that was passed in stays
 * its owner's.
 */

import pg from "pg";
import { readProperty } from "../core/error-chain.ts";
import { TaskrunError } from "../core/errors.ts";
import type { SqlRunner } from "../store/sql-runner.ts";

export interface ClientDatabaseOptions {
  /** Asked once, when a connection is needed. */
  readonly connectionString: () => Promise<string>;
  /** Used instead of connections of our own. */
  readonly pool: SqlRunner | undefined;
}

/** While many queue at once; all but one are closed as soon as they are not used. */
const mostConnections = 10;

export class ClientDatabase implements SqlRunner {
  readonly #options: ClientDatabaseOptions;
  #opening: Promise<pg.Pool> | null = null;
  #closed = false;
  #prepares = true;

  constructor(options: ClientDatabaseOptions) {
    this.#options = options;
  }

  async query(text: string, values: string[]): ReturnType<SqlRunner["query"]> {
    this.refuseWhenClosed();
    if (this.#options.pool !== undefined) return this.#options.pool.query(text, values);
    return this.#onConnection((connection) => connection.query(text, values));
  }

  /** Whether `prepared` statements are kept ready: on connections of our own, so far. */
  get prepares(): boolean {
    return this.#options.pool === undefined && this.#prepares;
  }

  /**
   * Runs statements that the server keeps ready under `name`, which has to stand for one text.
   * Where a pooler gives each transaction another session, it may not be there: from the first time
   * on that this shows, they are sent like any other.
   */
  prepared(name: string): SqlRunner {
    const { pool } = this.#options;
    if (pool !== undefined) return pool;
    return {
      query: (text, values) => {
        this.refuseWhenClosed();
        return this.#onConnection((connection) => this.#ready(connection, { name, text, values }));
      },
    };
  }

  async #ready(connection: pg.PoolClient, query: pg.QueryConfig): ReturnType<SqlRunner["query"]> {
    const { text, values } = query;
    if (!this.#prepares) return connection.query(text, values);
    try {
      return await connection.query(query);
    } catch (error) {
      if (!isOfAnotherSession(error)) throw error;
      // It has not run.
      this.#prepares = false;
      return connection.query(text, values);
    }
  }

  async #onConnection<T>(use: (connection: pg.PoolClient) => Promise<T>): Promise<T> {
    const pool = await this.#open();
    const connection = await pool.connect();
    try {
      return await use(connection);
    } finally {
      connection.release(pool.idleCount > 0);
    }
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    const opening = this.#opening;
    this.#opening = null;
    const pool = await opening?.catch(() => undefined);
    await pool?.end();
  }

  refuseWhenClosed(): void {
    if (this.#closed) throw new TaskrunError("client-closed", "This client has been closed");
  }

  #open(): Promise<pg.Pool> {
    this.#opening ??= this.#createPool().catch((error) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #createPool(): Promise<pg.Pool> {
    const pool = new pg.Pool({
      connectionString: await this.#options.connectionString(),
      max: mostConnections,
      idleTimeoutMillis: 0,
      allowExitOnIdle: true,
      application_name: "taskrun client",
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    // Lost connections show in the statement that meets them, and are replaced.
    pool.on("error", () => {});
    pool.on("connect", (connection) => connection.on("error", () => {}));
    return pool;
  }
}

/** Not prepared there (invalid_sql_statement_name), or by somebody else (a duplicate). */
function isOfAnotherSession(error: unknown): boolean {
  const code = readProperty(error, "code");
  return code === "26000" || code === "42P05";
}
