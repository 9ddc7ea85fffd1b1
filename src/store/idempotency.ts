/**
 * What was answered to an Idempotency-Key, for a day. A key is claimed in the transaction that does
 * what was asked: a twin waits until that is over, and then has its answer.
 */

import type pg from "pg";
import type { Schemas } from "./schemas.ts";

export interface IdempotencyKey {
  /** Whose key it is: those of others are others. */
  readonly caller: string;
  readonly key: string;
  readonly bodySha256: Buffer;
}

/** What a key has been used for. */
export interface UsedKey {
  readonly isSameBody: boolean;
  readonly answer: unknown;
}

type Database = Pick<pg.ClientBase, "query">;

const removedAtOnce = 20;

/** In a transaction. Null when the key is new: what is done now is kept with it. */
export async function claimKey(
  db: Database,
  { own }: Schemas,
  { caller, key, bodySha256 }: IdempotencyKey,
): Promise<UsedKey | null> {
  await db.query(
    `delete from ${own}.idempotency_keys where (caller, key) in (
       select caller, key from ${own}.idempotency_keys
       where created_at < now() - interval '24 hours'
       order by (caller, key) = ($1, $2) desc, created_at limit ${removedAtOnce}
       for update skip locked)`,
    [caller, key],
  );
  const { rowCount } = await db.query(
    `insert into ${own}.idempotency_keys (caller, key, body_sha256) values ($1, $2, $3)
     on conflict do nothing`,
    [caller, key, bodySha256],
  );
  if (rowCount === 1) return null;
  const { rows } = await db.query<UsedKey>(
    `select body_sha256 = $3 as "isSameBody", answer from ${own}.idempotency_keys
     where caller = $1 and key = $2`,
    [caller, key, bodySha256],
  );
  return rows[0] ?? null;
}

export async function keepAnswer(
  db: Database,
  { own }: Schemas,
  { caller, key }: IdempotencyKey,
  answer: unknown,
): Promise<void> {
  await db.query(
    `update ${own}.idempotency_keys set answer = $3::text::jsonb where caller = $1 and key = $2`,
    [caller, key, JSON.stringify(answer)],
  );
}
