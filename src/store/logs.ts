/** The lines that attempts have written: the table of logs. What is worth keeping isn't known. */

import type pg from "pg";
import type { Json } from "../core/job.ts";
import type { Schemas } from "./schemas.ts";

/** How many lines of an attempt are kept: the last ones. */
export const keptLines = 200;

/** A line as it is written; every text as Postgres takes it. */
export interface NewLogLine {
  readonly jobId: string;
  readonly attempt: number;
  readonly loggedAtMs: number;
  readonly level: string;
  readonly message: string;
  /** JSON that jsonb takes. */
  readonly fieldsJson: string | null;
}

/** How many lines of an attempt were written before those of a batch. */
export interface WrittenBefore {
  readonly jobId: string;
  readonly attempt: number;
  /** Of those before, the last ones that stay. */
  readonly keep: number;
}

export interface LogRow {
  readonly attempt: number;
  readonly logged_at: Date;
  readonly level: string;
  readonly message: string;
  readonly fields: Json;
}

/** Adds lines in their order, and removes what they push out of their attempts' last lines. */
export async function addLogLines(
  db: pg.Pool,
  { own }: Schemas,
  lines: readonly NewLogLine[],
  full: readonly WrittenBefore[],
): Promise<void> {
  await db.query(
    `with added as (
       insert into ${own}.logs (job_id, attempt, logged_at, level, message, fields)
       select job_id, attempt, to_timestamp(ms / 1000), level, message, fields
       from unnest($1::bigint[], $2::int[], $3::float8[], $4::text[], $5::text[], $6::jsonb[])
         with ordinality as line (job_id, attempt, ms, level, message, fields, n)
       order by n
     )
     delete from ${own}.logs l
     using unnest($7::bigint[], $8::int[], $9::int[]) as before (job_id, attempt, keep)
     where l.job_id = before.job_id and l.attempt = before.attempt
       and l.position <= (
         select position from ${own}.logs k
         where k.job_id = before.job_id and k.attempt = before.attempt
         order by position desc offset before.keep limit 1)`,
    [
      lines.map((line) => line.jobId),
      lines.map((line) => line.attempt),
      lines.map((line) => line.loggedAtMs),
      lines.map((line) => line.level),
      lines.map((line) => line.message),
      lines.map((line) => line.fieldsJson),
      full.map((each) => each.jobId),
      full.map((each) => each.attempt),
      full.map((each) => each.keep),
    ],
  );
}

/** The last lines of a job's attempts, oldest first. */
export async function listLogLines(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
  id: string,
  limit: number,
): Promise<LogRow[]> {
  const { rows } = await db.query<LogRow>(
    `select attempt, logged_at, level, message, fields from ${own}.logs
     where job_id = $1 order by position desc limit $2`,
    [id, limit],
  );
  return rows.reverse();
}

/** Lines of a job that came after a place, oldest first, and where the next ones go on. */
export async function listLogLinesAfter(
  db: Pick<pg.Pool, "query">,
  { own }: Schemas,
  id: string,
  choice: {
    /** A place that was answered before; null = from the first line that is kept. */
    readonly after: string | null;
    /** Null = all. */
    readonly attempt: number | null;
    readonly limit: number;
  },
): Promise<{ readonly lines: LogRow[]; readonly last: string | null }> {
  const { rows } = await db.query<LogRow & { place: string }>(
    `select attempt, logged_at, level, message, fields, position::text as place from ${own}.logs
     where job_id = $1 and position > coalesce($2::bigint, -1)
       and ($3::int is null or attempt = $3) order by position limit $4`,
    [id, choice.after, choice.attempt, choice.limit],
  );
  const lines = rows.map(({ place: _, ...line }) => line);
  return { lines, last: rows.at(-1)?.place ?? null };
}
