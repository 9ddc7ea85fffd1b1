/**
 * Whether the connected role can work with the queue at all: it may use the jobs' table, and it
 * sees the rows. graphile-worker's tables hide them from everybody but their owner, without any
 * error: a process would wait for jobs for ever.
 */

import type pg from "pg";
import { TaskrunError } from "../../core/errors.ts";
import type { Schemas } from "../schemas.ts";

export interface QueueRights {
  readonly role: string;
  readonly reads: boolean;
  readonly writes: boolean;
  /** False when row level security hides every row. */
  readonly seesRows: boolean;
}

/** Null when there is no queue in the schema. */
export async function queueRights(
  client: Pick<pg.Client, "query">,
  { queueName }: Schemas,
): Promise<QueueRights | null> {
  // By the catalog, which everybody may read, also without the right to use the schema.
  const { rows } = await client.query(
    `select current_user as role,
       n.usable and has_any_column_privilege(c.oid, 'SELECT') as reads,
       n.usable and has_table_privilege(c.oid, 'INSERT') and has_table_privilege(c.oid, 'UPDATE')
         and has_table_privilege(c.oid, 'DELETE') as writes,
       not row_security_active(c.oid) or exists (
         select from pg_policy p, unnest(p.polroles) as for_role
         where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('*', 'r')
           and case when for_role = 0 then true else pg_has_role(for_role, 'USAGE') end
       ) as "seesRows"
     from (select oid, has_schema_privilege(oid, 'USAGE') as usable from pg_namespace
       where nspname = $1) as n
     join pg_class c on c.relnamespace = n.oid and c.relname = '_private_jobs'`,
    [queueName],
  );
  return rows[0] ?? null;
}

/** @throws TaskrunError missing-rights when the role can't run jobs of this queue. */
export async function checkQueueRights(
  client: Pick<pg.Client, "query">,
  schemas: Schemas,
): Promise<void> {
  const rights = await queueRights(client, schemas);
  if (rights === null) return;
  const { role, reads, writes, seesRows } = rights;
  const which = `the jobs of the queue in ${schemas.queue}`;
  if (!reads || !writes) {
    const may = reads ? "change" : "read";
    throw new TaskrunError("missing-rights", `The role "${role}" may not ${may} ${which}`);
  }
  if (!seesRows) {
    throw new TaskrunError(
      "missing-rights",
      `The role "${role}" can't see ${which}: row level security hides them from it`,
    );
  }
}
