/**
 * A connection of a pool that stays taken for statements that somebody waits for: taking one and
 * giving it back is most of what a small statement costs this process.
 */

import type pg from "pg";
import { type ReadyStatement, sendReady, type TextRow } from "./ready-statement.ts";

/** A statement that is kept ready and whose columns stay text, said as pg's pools take it too. */
export type RowQuery = ReadyStatement &
  Pick<pg.QueryArrayConfig, "rowMode" | "types"> & { readonly values: unknown[] };

/** What sends it: a pool, or this. */
export interface RowSource {
  query(query: RowQuery): Promise<{ readonly rows: TextRow[] }>;
}

export class KeptConnection implements RowSource {
  readonly #pool: pg.Pool;
  #client: pg.PoolClient | null = null;
  #busy = false;
  #released = false;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Sends it on the kept connection or, while that is at another statement, on one of the pool's.
   *
   * @throws what the pool and the database throw
   */
  async query(query: RowQuery): Promise<{ readonly rows: TextRow[] }> {
    if (this.#busy || this.#released) return this.#pool.query<TextRow>(query);
    this.#busy = true;
    try {
      const client = this.#client ?? (await this.#take());
      return { rows: await sendReady(client, query) };
    } catch (error) {
      this.#giveBack(error instanceof Error ? error : true);
      throw error;
    } finally {
      this.#busy = false;
      if (this.#released) this.#giveBack();
    }
  }

  /** Gives it back to the pool, at the latest when its statement has been answered. */
  release(): void {
    this.#released = true;
    if (!this.#busy) this.#giveBack();
  }

  async #take(): Promise<pg.PoolClient> {
    const client = await this.#pool.connect();
    this.#client = client;
    // Without a statement under way nobody else would notice before the next one failed.
    client.once("end", () => {
      if (client === this.#client && !this.#busy) this.#giveBack(true);
    });
    return client;
  }

  #giveBack(error?: Error | true): void {
    this.#client?.release(error);
    this.#client = null;
  }
}
