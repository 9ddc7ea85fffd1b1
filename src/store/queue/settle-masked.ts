/**
 * Takes the secrets out of what jobs leave behind that have just ended, in the transaction that
 * ends them. Only for jobs whose task has secrets: the others don't come here.
 */

import type pg from "pg";
import type { SecretPath } from "../../core/secret-path.ts";
import type { Schemas } from "../schemas.ts";

/** Jobs whose secrets are in the same places. */
export interface SecretRecords {
  readonly ids: readonly string[];
  readonly paths: readonly SecretPath[];
}

/** Masks what the settling of these jobs has recorded, in the transaction that did it. */
export async function maskRecords(
  client: Pick<pg.Pool, "query">,
  schemas: Schemas,
  { ids, paths }: SecretRecords,
): Promise<void> {
  await client.query({
    name: "taskrun mask records",
    text: `select ${schemas.own}.mask_records($1::bigint[], $2::text::jsonb),
      ${schemas.own}.forget_secret_steps($1::bigint[])`,
    values: [ids, JSON.stringify(paths)],
  });
}

/** Settles by `settle` and masks what that records, both or nothing. */
export async function settleMasked<Result>(
  db: pg.Pool,
  schemas: Schemas,
  records: readonly SecretRecords[],
  settle: (db: Pick<pg.Pool, "query">) => Promise<Result>,
): Promise<Result> {
  const client = await db.connect();
  let isFine = false;
  try {
    await client.query("begin");
    const result = await settle(client);
    for (const each of records) await maskRecords(client, schemas, each);
    await client.query("commit");
    isFine = true;
    return result;
  } catch (error) {
    // A connection that doesn't take this has lost its transaction already.
    isFine = await client.query("rollback").then(
      () => true,
      () => false,
    );
    throw error;
  } finally {
    client.release(!isFine);
  }
}
