/**
 * Lets several statements see the database as it was at one moment: what moves from one table to
 * another between two of them would else be in neither, or in both.
 */

import type pg from "pg";

export async function inSnapshot<Value>(
  db: pg.Pool,
  read: (client: pg.PoolClient) => Promise<Value>,
): Promise<Value> {
  const client = await db.connect();
  let failed = false;
  try {
    await client.query("begin isolation level repeatable read read only");
    const value = await read(client);
    await client.query("commit");
    return value;
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    // Whatever state it is in: a new connection costs less than a doubtful one.
    client.release(failed);
  }
}
