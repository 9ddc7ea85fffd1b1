/**
 * What we rely on in graphile-worker's private tables, checked once at start.
 * An older schema is migrated before this runs; an incompatible one is refused with a sentence
 * that names the first difference, before any job is touched.
 */

import type pg from "pg";
import { TaskrunError } from "../../core/errors.ts";
import type { Schemas } from "../schemas.ts";

const columnsWeUse: Readonly<Record<string, readonly string[]>> = {
  _private_jobs: [
    "id",
    "job_queue_id",
    "task_id",
    "payload",
    "priority",
    "run_at",
    "attempts",
    "max_attempts",
    "last_error",
    "created_at",
    "updated_at",
    "key",
    "locked_at",
    "locked_by",
    "revision",
    "flags",
    "is_available",
  ],
  _private_job_queues: ["id", "queue_name", "locked_at", "locked_by", "is_available"],
  _private_tasks: ["id", "identifier"],
};

/** Whether graphile-worker has ever been installed in the schema. */
export async function queueExists(
  client: Pick<pg.Client, "query">,
  schemas: Schemas,
): Promise<boolean> {
  const { rows } = await client.query("select to_regclass($1) is not null as found", [
    `${schemas.queue}._private_jobs`,
  ]);
  return rows[0].found;
}

/** The last migration of graphile-worker 0.18. */
export const newestKnownMigration = 20;

export interface QueueMigration {
  readonly id: number;
  /** graphile-worker's own word for one that older processes can't work beside. */
  readonly breaking: boolean;
}

/** Migrations of a newer graphile-worker than ours; none where this role can't see them. */
export async function unknownMigrations(
  client: Pick<pg.Client, "query">,
  schemas: Schemas,
): Promise<QueueMigration[]> {
  const table = `${schemas.queue}.migrations`;
  const { rows: seen } = await client.query(
    `select coalesce(has_table_privilege(to_regclass($1), 'select'), false) as readable`,
    [table],
  );
  if (!seen[0].readable) return [];
  const { rows } = await client.query(
    `select id, breaking from ${table} where id > $1 order by id`,
    [newestKnownMigration],
  );
  return rows;
}

/**
 * @throws TaskrunError queue-incompatible naming the columns that are missing, or the migration
 *   that makes older processes impossible.
 */
export async function checkQueueContract(
  client: Pick<pg.Client, "query">,
  schemas: Schemas,
): Promise<void> {
  const breaking = (await unknownMigrations(client, schemas)).filter((each) => each.breaking);
  if (breaking.length > 0) {
    const which = breaking.map(({ id }) => id).join(", ");
    throw new TaskrunError(
      "queue-incompatible",
      `A newer graphile-worker has migrated ${schemas.queue} (${which}), and its changes are breaking`,
    );
  }
  // Not from information_schema: its view is dear to plan, and every process asks at its start.
  const { rows } = await client.query<{ name: string }>(
    `select c.relname || '.' || a.attname as name
     from pg_catalog.pg_class c
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = to_regnamespace($1) and c.relname = any ($2)`,
    [schemas.queue, Object.keys(columnsWeUse)],
  );
  const found = new Set(rows.map(({ name }) => name));
  const missing = Object.entries(columnsWeUse).flatMap(([table, columns]) =>
    columns.map((column) => `${table}.${column}`).filter((name) => !found.has(name)),
  );
  if (missing.length > 0) {
    throw new TaskrunError(
      "queue-incompatible",
      `graphile-worker's schema ${schemas.queue} lacks ${missing.join(", ")}`,
    );
  }
}
