/**
 * What the running code says of its tasks, for SQL to read: `tasks`, and in `processes` which of
 * them a process has. Owns the statements.
 *
 * A task that this process doesn't have keeps its row: it may be another process's, or be on its
 * way in a deployment. It goes when nobody has said it for 30 days and no live process has it.
 */

import type pg from "pg";
import type { LoadFailure } from "../core/catalog.ts";
import type { TaskSecrets } from "../core/task.ts";
import type { Schemas } from "./schemas.ts";
import type { SqlRunner } from "./sql-runner.ts";

export interface PublishedTask {
  /** A task's name or one of its aliases. */
  readonly name: string;
  readonly task: string;
  readonly description: string | null;
  /** JSON Schema as text; null when there is none to check by. */
  readonly payloadSchemaJson: string | null;
  /** Null = for ever, 0 = not at all. */
  readonly retainCompletedMs: number | null;
  readonly retainCancelledMs: number | null;
  readonly retainFailedMs: number | null;
  /** Where it has secrets; null = nowhere. */
  readonly secrets: TaskSecrets | null;
  /** Where it is written and what holds for it, for people; null = not told. */
  readonly details: TaskDetails | null;
}

export interface TaskDetails {
  /** Absolute path, on the machine of the process that said it. */
  readonly file: string;
  readonly version: number;
  readonly policies: readonly {
    readonly name: string;
    /** JSON; a function is told as "function". */
    readonly value: unknown;
    /** "default", or the file that set it. */
    readonly source: string;
  }[];
}

/** One statement; `processId` null = nobody who runs them, and then failures are not kept. */
export async function writePublishedTasks(
  db: SqlRunner,
  { own }: Schemas,
  processId: string | null,
  tasks: readonly PublishedTask[],
  failures: readonly LoadFailure[] = [],
): Promise<void> {
  const text = `
with given as materialized (
  select * from jsonb_to_recordset($1::text::jsonb) as given (name text, task text,
    description text, payload_schema jsonb, retain_completed_ms float8,
    retain_cancelled_ms float8, retain_failed_ms float8, secrets jsonb, details jsonb)
),
process as (
  update ${own}.processes set tasks = array(select name from given order by name),
    load_failures = $3::text::jsonb
  where id = $2::text
),
forgotten as (
  delete from ${own}.tasks t
  where t.published_at < now() - interval '30 days'
    and not exists (select from given where given.name = t.name)
    and not exists (select from ${own}.processes p
      where p.dead_at is null and t.name = any (p.tasks))
)
insert into ${own}.tasks (name, task, description, payload_schema, retain_completed_ms,
  retain_cancelled_ms, retain_failed_ms, secrets, details, published_by)
-- In one order for all, so that processes that start together wait for each other in turn.
select name, task, description, nullif(payload_schema, 'null'), retain_completed_ms,
  retain_cancelled_ms, retain_failed_ms, nullif(secrets, 'null'), nullif(details, 'null'),
  nullif($2::text, '')
from given order by name
on conflict (name) do update set task = excluded.task, description = excluded.description,
  payload_schema = excluded.payload_schema, retain_completed_ms = excluded.retain_completed_ms,
  retain_cancelled_ms = excluded.retain_cancelled_ms,
  retain_failed_ms = excluded.retain_failed_ms, secrets = excluded.secrets,
  details = excluded.details, published_at = excluded.published_at,
  published_by = excluded.published_by`;
  await db.query(text, [
    `[${tasks.map(rowJson).join(",")}]`,
    processId ?? "",
    storableJson(failures),
  ]);
}

/** A published name, for people and programs that ask what there is. */
export interface PublishedTaskRow {
  /** A task's name or one of its aliases. */
  readonly name: string;
  readonly task: string;
  readonly description: string | null;
  /** JSON Schema; null when there is none to check by. */
  readonly payload_schema: unknown;
  readonly published_at: Date;
  /** Null when whoever said it last didn't tell. */
  readonly details: TaskDetails | null;
  /** The live processes that have it. */
  readonly processes: readonly string[];
}

/** By name. */
export async function listPublishedTasks(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
): Promise<PublishedTaskRow[]> {
  const { rows } = await db.query<PublishedTaskRow>(
    `select name, task, description, payload_schema, published_at, details,
       array(select p.id from ${own}.processes p
         where p.dead_at is null and t.name = any (p.tasks) order by p.started_at) as processes
     from ${own}.tasks t order by name`,
  );
  return rows;
}

function rowJson(task: PublishedTask): string {
  const row = storableJson({
    name: task.name,
    task: task.task,
    description: task.description,
    retain_completed_ms: task.retainCompletedMs,
    retain_cancelled_ms: task.retainCancelledMs,
    retain_failed_ms: task.retainFailedMs,
    secrets: task.secrets,
  });
  const [schema, details] = [task.payloadSchemaJson ?? "null", storableJson(task.details)];
  return `${row.slice(0, -1)},"payload_schema":${schema},"details":${details}}`;
}

/** What jsonb refuses in texts is left out: it is for people's eyes. */
function storableJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Looking at each text apart takes ten times as long, and hardly any needs it.
  if (!/\\u(?:0000|d[89a-f])/i.test(json)) return json;
  return JSON.stringify(value, (_, each) =>
    typeof each === "string" ? each.toWellFormed().replaceAll("\0", "") : each,
  );
}

/** A file that a live process could not load. */
export interface ReportedFailure extends LoadFailure {
  readonly processes: readonly string[];
}

/** What live processes could not load; the same fault of several processes once. */
export async function listLoadFailures(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
): Promise<ReportedFailure[]> {
  const { rows } = await db.query<{ failure: LoadFailure; processes: string[] }>(
    `select failure, array_agg(p.id order by p.started_at) as processes
     from ${own}.processes p cross join jsonb_array_elements(p.load_failures) failure
     where p.dead_at is null group by failure order by failure ->> 'file'`,
  );
  return rows.map(({ failure, processes }) => ({ ...failure, processes }));
}
