/**
 * Accounts of the HTTP API: made, and found again by a name and a password. Keeps passwords by
 * scrypt only. Where an account counts is not known here.
 */

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type pg from "pg";
import type { Schemas } from "./schemas.ts";

export interface AccountRow {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly created_at: Date;
}

export interface AccountRequest {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

type Database = Pick<pg.Pool, "query">;

const keyBytes = 32;
const saltBytes = 16;
const derive = promisify<string, Buffer, number, Buffer>(scrypt);

/** Null when the name or the address is taken. */
export async function createAccount(
  db: Database,
  { own }: Schemas,
  { username, email, password }: AccountRequest,
): Promise<AccountRow | null> {
  const { rows } = await db.query<AccountRow>(
    `insert into ${own}.accounts (username, email, password_hash) values ($1, $2, $3)
     on conflict do nothing returning id::text, username, email, created_at`,
    [username, email, await hashed(password)],
  );
  return rows[0] ?? null;
}

/** Null for an unknown name and for a wrong password; both take as long. */
export async function findAccount(
  db: Database,
  { own }: Schemas,
  { usernameOrEmail, password }: { readonly usernameOrEmail: string; readonly password: string },
): Promise<AccountRow | null> {
  const { rows } = await db.query<AccountRow & { password_hash: string }>(
    `select id::text, username, email, created_at, password_hash from ${own}.accounts
     where username = $1 or email = $1 order by username = $1 desc limit 1`,
    [usernameOrEmail],
  );
  const [row] = rows;
  const isRight = await matches(
    password,
    row?.password_hash ?? `${"0".repeat(32)}.${"0".repeat(64)}`,
  );
  if (row === undefined || !isRight) return null;
  const { password_hash: _, ...account } = row;
  return account;
}

async function hashed(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await derive(password.normalize(), salt, keyBytes);
  return `${salt.toString("hex")}.${key.toString("hex")}`;
}

async function matches(password: string, hash: string): Promise<boolean> {
  const [salt = "", key = ""] = hash.split(".");
  const given = await derive(password.normalize(), Buffer.from(salt, "hex"), keyBytes);
  return timingSafeEqual(given, Buffer.from(key, "hex"));
}
