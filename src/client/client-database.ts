/**
 * A client's way to the database: connects when first needed, keeps at most one connection that
 * nobody uses, and keeps no process alive. Owns its connections; a pool that was passed in stays
 * its owner's.
 *
 * The one that nobody uses isn't given back to the pool: fetching it from there each time would
 * cost a caller that queues job after job a tenth of its own time.
 */

import pg from "pg";
import { readProperty } from "../core/error-chain.ts";
import { type ReadyStatement, sendReady, type TextRow } from "../store/ready-statement.ts";
import type { SqlRunner } from "../store/sql-runner.ts";
import { clientClosed } from "./open-calls.ts";

export interface ClientDatabaseOptions {
  /** Asked once, when a connection is needed. */
  readonly connectionString: () => Promise<string>;
  /** Used instead of connections of our own. */
  readonly pool: SqlRunner | undefined;
}

/** While many queue at once; all but one are closed as soon as they are not used. */
const mostConnections = 10;

interface Connection extends pg.PoolClient {
  /** Keeps the process alive again. */
  ref(): void;
  unref(): void;
}

export class ClientDatabase implements SqlRunner {
  readonly #options: ClientDatabaseOptions;
  #opening: Promise<pg.Pool> | null = null;
  #pool: pg.Pool | null = null;
  #kept: Connection | null = null;
  #closed = false;
  #prepares = true;

  constructor(options: ClientDatabaseOptions) {
    this.#options = options;
  }

  async query(text: string, values: string[]): ReturnType<SqlRunner["query"]> {
    this.#refuseWhenClosed();
    if (this.#options.pool !== undefined) return this.#options.pool.query(text, values);
    return this.#onConnection((connection) => connection.query(text, values));
  }

  /** Whether `prepared` statements are kept ready: on connections of our own, so far. */
  get prepares(): boolean {
    return this.#options.pool === undefined && this.#prepares;
  }

  /**
   * Runs statements that the server keeps ready under `name`, which has to stand for one text; of
   * their rows there is only the first column, as text, under `column`. Where a pooler gives each
   * transaction another session, they may not be there: from the first time on that this shows,
   * they are sent like any other.
   */
  prepared(name: string, column: string): SqlRunner {
    const { pool } = this.#options;
    if (pool !== undefined) return pool;
    return {
      query: async (text, values) => {
        this.#refuseWhenClosed();
        const rows = await this.#onConnection((connection) =>
          this.#ready(connection, { name, text, values }),
        );
        return { rows: rows.map(([first]) => ({ [column]: first })) };
      },
    };
  }

  async #ready(connection: Connection, statement: ReadyStatement): Promise<TextRow[]> {
    if (!this.#prepares) return sendUnprepared(connection, statement);
    try {
      return await sendReady(connection, statement);
    } catch (error) {
      if (!isOfAnotherSession(error)) throw error;
      // It has not run.
      this.#prepares = false;
      return sendUnprepared(connection, statement);
    }
  }

  async #onConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = this.#takeKept() ?? (await this.#connect());
    let works = false;
    try {
      const result = await use(connection);
      works = true;
      return result;
    } finally {
      this.#leave(connection, works);
    }
  }

  #takeKept(): Connection | null {
    const connection = this.#kept;
    this.#kept = null;
    connection?.ref();
    return connection;
  }

  async #connect(): Promise<Connection> {
    const pool = await this.#open();
    // why: pg has `ref` and `unref`, its types don't
    return (await pool.connect()) as Connection;
  }

  #leave(connection: Connection, works: boolean): void {
    const { waitingCount = 0, idleCount = 0 } = this.#pool ?? {};
    const isWanted = waitingCount > 0;
    const isSpare = this.#kept !== null || idleCount > 0;
    // What has failed is for the pool to judge: the connection may be lost.
    if (works && !isWanted && !isSpare && !this.#closed) {
      this.#kept = connection;
      connection.unref();
    } else {
      connection.release(isSpare && !isWanted);
    }
  }

  /** Waits for statements that are under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#takeKept()?.release();
    const opening = this.#opening;
    this.#opening = null;
    const pool = await opening?.catch(() => undefined);
    await pool?.end();
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw clientClosed();
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
    pool.on("connect", (connection) => {
      const lost = () => {
        if (this.#kept === connection) this.#takeKept()?.release(true);
      };
      connection.on("error", lost);
      connection.once("end", lost);
    });
    this.#pool = pool;
    return pool;
  }
}

async function sendUnprepared(
  connection: Connection,
  { text, values }: ReadyStatement,
): Promise<TextRow[]> {
  const { rows } = await connection.query({ text, values: [...values], rowMode: "array" });
  return rows;
}

/** Not prepared there (invalid_sql_statement_name), or by somebody else (a duplicate). */
function isOfAnotherSession(error: unknown): boolean {
  const code = readProperty(error, "code");
  return code === "26000" || code === "42P05";
}
