/**
 * Adds one plain job that says no more than what its row holds, without `add_plain_jobs`: as a
 * statement that the server keeps ready, that is three quarters of its work. Only for roles that
 * may write the queue's tables. Checks nothing; the options must have been checked.
 */

import { oncePer } from "../../core/once-per.ts";
import type { JobKind, PlainJob } from "../plain-jobs.ts";
import type { Schemas } from "../schemas.ts";
import type { SqlRunner } from "../sql-runner.ts";

/** Its id. Null when it says more, or when the database doesn't know its task yet: not added. */
export async function addOnePlainJob(
  db: SqlRunner,
  schemas: Schemas,
  { kind, payloadJson }: PlainJob,
): Promise<string | null> {
  const row = rowOf(kind);
  if (row === null) return null;
  const values = [row.task, payloadJson, row.maxAttempts, row.priority];
  const { rows } = await db.query(statement(schemas), values);
  const id = rows[0]?.id;
  return typeof id === "string" ? id : null;
}

/** Null when it says more than that. */
const rowOf = oncePer(({ json }: JobKind) => {
  // why: whoever made it has written these columns
  const said = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const { task, validate, max_attempts = 25, priority = 0, ...more } = said;
  if (validate !== false || Object.keys(more).length > 0) return null;
  return { task: String(task), maxAttempts: String(max_attempts), priority: String(priority) };
});

// A database that has the queue and not our schema is not ready: nothing is added there.
const statement = oncePer(
  ({ queue, own }: Schemas): string => `
with added as (
  insert into ${queue}._private_jobs (task_id, payload, max_attempts, priority)
  select t.id, $2::text::json, $3::smallint, $4::smallint
  from ${queue}._private_tasks t
  where t.identifier = $1 and to_regclass('${own.replaceAll("'", "''")}.migrations') is not null
  returning id
)
select id::text as id, pg_notify('jobs:insert', '{"r":' || random()::text || ',"count":1}')
from added`,
);
