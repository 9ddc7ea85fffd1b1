/**
 * A client's way to the database: connects when first needed, keeps at most one connection that
 * nobody uses, and keeps no process alive. Owns its connections; a pool that was passed in stays
 * its owner's.
 */

import pg from "pg";
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

  constructor(options: ClientDatabaseOptions) {
    this.#options = options;
  }

  async query(text: string, values: string[]): ReturnType<SqlRunner["query"]> {
    this.refuseWhenClosed();
    if (this.#options.pool !== undefined) return this.#options.pool.query(text, values);
    const pool = await this.#open();
    const connection = await pool.connect();
    try {
      return await connection.query(text, values);
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
