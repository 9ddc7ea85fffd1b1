/** The queue numbers task names; this finds the numbers, adding names it has not seen yet. */

import type pg from "pg";
import type { Schemas } from "../schemas.ts";

/** From the queue's task ids to the given names; names the queue lacks are added to it. */
export async function registerTaskNames(
  db: pg.Pool,
  schemas: Schemas,
  names: readonly string[],
): Promise<Map<number, string>> {
  const known = await findNumbers(db, schemas, names);
  if (known.size === names.length) return known;
  const tasks = `${schemas.queue}._private_tasks`;
  await db.query(
    `insert into ${tasks} (identifier)
     select name from unnest($1::text[]) as name
     where not exists (select 1 from ${tasks} t where t.identifier = name)
     on conflict do nothing`,
    [names],
  );
  return findNumbers(db, schemas, names);
}

async function findNumbers(
  db: pg.Pool,
  { queue }: Schemas,
  names: readonly string[],
): Promise<Map<number, string>> {
  const { rows } = await db.query(
    `select id, identifier from ${queue}._private_tasks where identifier = any ($1::text[])`,
    [names],
  );
  return new Map(rows.map((row) => [row.id, row.identifier]));
}
