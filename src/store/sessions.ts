/**
 * Sessions of the HTTP API: begun, found again by what a caller shows, ended. Owns how a session's
 * secret looks; keeps only its SHA-256.
 */

import { createHash, randomBytes } from "node:crypto";
import type pg from "pg";
import type { Schemas } from "./schemas.ts";
import { type TokenScope, tokenScopes } from "./tokens.ts";

/** Whose it is: a token's, an account's, or nobody's: begun with a one-time link. */
export interface SessionOwner {
  readonly tokenId?: string;
  readonly accountId?: string;
}

export interface NewSession {
  /** Shown this once. */
  readonly secret: string;
  readonly expires_at: Date;
}

export interface FoundSession {
  readonly kind: "token" | "account" | "link";
  /** The token's or the account's; null for a link's. */
  readonly name: string | null;
  readonly scopes: readonly TokenScope[];
}

/** What a session's secret begins with, so that it can be told from a token. */
export const sessionPrefix = "taskrun_session_";

type Database = Pick<pg.Pool, "query">;

export async function beginSession(
  db: Database,
  { own }: Schemas,
  { tokenId = null, accountId = null }: { [Name in keyof SessionOwner]: SessionOwner[Name] | null },
  lastsMs: number,
): Promise<NewSession> {
  const secret = `${sessionPrefix}${randomBytes(32).toString("base64url")}`;
  const { rows } = await db.query<{ expires_at: Date }>(
    `with gone as (delete from ${own}.sessions where expires_at < now())
     insert into ${own}.sessions (sha256, token_id, account_id, expires_at)
     values ($1, $2, $3, now() + $4::float8 * interval '1 millisecond') returning expires_at`,
    [hashOf(secret), tokenId, accountId, lastsMs],
  );
  return { secret, expires_at: rows[0]?.expires_at ?? new Date() };
}

/** Null when there is none, it is over, or its token is expired or revoked. */
export async function findSession(
  db: Database,
  { own }: Schemas,
  secret: string,
): Promise<FoundSession | null> {
  const { rows } = await db.query<Omit<FoundSession, "scopes"> & { scopes: TokenScope[] | null }>(
    `select coalesce(t.name, a.username) as name, t.scopes,
       case when s.token_id is not null then 'token' when s.account_id is not null then 'account'
         else 'link' end as kind
     from ${own}.sessions s
     left join ${own}.tokens t on t.id = s.token_id
     left join ${own}.accounts a on a.id = s.account_id
     where s.sha256 = $1 and s.expires_at > now() and t.revoked_at is null
       and (t.expires_at is null or t.expires_at > now())`,
    [hashOf(secret)],
  );
  const [row] = rows;
  return row === undefined ? null : { ...row, scopes: row.scopes ?? tokenScopes };
}

export async function endSession(db: Database, { own }: Schemas, secret: string): Promise<void> {
  await db.query(`delete from ${own}.sessions where sha256 = $1`, [hashOf(secret)]);
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
