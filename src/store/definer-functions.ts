/**
 * Keeps functions that act with their owner's rights that way: a migration that replaces one
 * would take that from it, and those who may only add jobs would be refused from then on.
 */

import type pg from "pg";
import type { Schemas } from "./schemas.ts";

/** Our functions that act with their owner's rights, by signature. */
export async function definerFunctions(
  client: Pick<pg.Client, "query">,
  { own }: Schemas,
): Promise<string[]> {
  const { rows } = await client.query(
    `select oid::regprocedure::text as name from pg_proc
     where pronamespace = to_regnamespace($1) and prosecdef`,
    [own],
  );
  return rows.map((row) => row.name);
}

/** Makes them so again; a function that is gone stays gone. */
export async function restoreDefiners(
  client: Pick<pg.Client, "query">,
  functions: readonly string[],
): Promise<void> {
  const { rows } = await client.query(
    `select p.oid::regprocedure::text as name from unnest($1::text[]) as given (name)
     join pg_proc p on p.oid = to_regprocedure(given.name) where not p.prosecdef`,
    [functions],
  );
  for (const { name } of rows) {
    await client.query(
      `alter function ${name} security definer set search_path = pg_catalog, pg_temp`,
    );
  }
}
