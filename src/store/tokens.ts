/**
 * Tokens of the HTTP API: made, listed, revoked, and found again by what a caller shows. Owns
 * how a token looks; keeps none, only its SHA-256.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type pg from "pg";
import type { Schemas } from "./schemas.ts";

/**
 * `enqueue`: add jobs. `read`: look at everything. `operate`: change what is there: cancel,
 * retry, run now, pause, resume.
 */
export const tokenScopes = ["enqueue", "read", "operate"] as const;
export type TokenScope = (typeof tokenScopes)[number];

export interface TokenRow {
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  readonly created_at: Date;
  /** Null = never. */
  readonly expires_at: Date | null;
  /** To the minute. */
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

export interface NewToken {
  readonly name: string;
  /** Shown this once. */
  readonly token: string;
  readonly scopes: readonly TokenScope[];
  readonly expires_at: Date | null;
}

export interface TokenRequest {
  /** 1 to 100 characters. */
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  /** Null = for ever. */
  readonly expiresInMs: number | null;
}

/** Tells a token from other secrets, for people and for programs that look for leaked ones. */
const prefix = "taskrun_";

type Database = Pick<pg.Pool, "query">;

/** Null when a token of that name is in use. */
export async function createToken(
  db: Database,
  { own }: Schemas,
  { name, scopes, expiresInMs }: TokenRequest,
): Promise<NewToken | null> {
  const token = `${prefix}${randomBytes(32).toString("base64url")}`;
  const { rows } = await db.query<{ expires_at: Date | null }>(
    `insert into ${own}.tokens (name, sha256, scopes, expires_at)
     values ($1, $2, $3, now() + $4::float8 * interval '1 millisecond')
     on conflict (name) where revoked_at is null do nothing returning expires_at`,
    [name, hashOf(token), scopes, expiresInMs],
  );
  const [row] = rows;
  return row === undefined ? null : { name, token, scopes, expires_at: row.expires_at };
}

/** The oldest first, revoked ones too. */
export async function listTokens(db: Database, { own }: Schemas): Promise<TokenRow[]> {
  const { rows } = await db.query<TokenRow>(
    `select name, scopes, created_at, expires_at, last_used_at, revoked_at
     from ${own}.tokens order by id`,
  );
  return rows;
}

/** False when no token of that name is in use. */
export async function revokeToken(db: Database, { own }: Schemas, name: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `update ${own}.tokens set revoked_at = now() where name = $1 and revoked_at is null`,
    [name],
  );
  return rowCount === 1;
}

/** Whether there is or ever was one. */
export async function hasTokens(db: Database, { own }: Schemas): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(
    `select exists (select from ${own}.tokens) as found`,
  );
  return rows[0]?.found ?? false;
}

export interface FoundToken {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  readonly state: "valid" | "expired" | "revoked";
  /** Its last use was noted a minute ago or more. */
  readonly isUnnoted: boolean;
}

/** Null when nobody was ever given that token. */
export async function findToken(
  db: Database,
  { own }: Schemas,
  token: string,
): Promise<FoundToken | null> {
  const given = hashOf(token);
  const { rows } = await db.query<FoundToken & { sha256: Buffer }>(
    `select id::text, name, scopes, sha256,
       case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired'
         else 'valid' end as state,
       coalesce(last_used_at < now() - interval '1 minute', true) as "isUnnoted"
     from ${own}.tokens where sha256 = $1`,
    [given],
  );
  const [row] = rows;
  if (row === undefined || !timingSafeEqual(row.sha256, given)) return null;
  const { sha256: _, ...found } = row;
  return found;
}

export async function noteTokenUse(db: Database, { own }: Schemas, id: string): Promise<void> {
  await db.query(`update ${own}.tokens set last_used_at = now() where id = $1`, [id]);
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
