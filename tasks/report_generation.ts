/**
 * Writes the rows of one SQL query to `.taskrun/reports/<jobId>.csv` or `.html`.
 *
 * Whoever may enqueue this task may read what the worker's database role may read, and no
 * more: the query runs behind a cursor in a read-only transaction. So it is one SELECT, and
 * its rows never are in memory all at once.
 */

import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PoolClient, QueryConfig } from "pg";
import { defineTask, PermanentError, type TaskContext } from "taskrun";
import { z } from "zod";
import { reportFormats } from "./_report-formats.ts";

const rowsPerFetch = 500;

const shared = {
  format: z.enum(["csv", "html"]).default("csv"),
  /** Rows beyond are left out, and the output says so. */
  maxRows: z.int().min(1).max(1_000_000).default(50_000),
};
const free = z.object({
  title: z.string().min(1).default("Report"),
  sql: z.string().min(1),
  /** For $1, $2, … */
  parameters: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])).default([]),
  ...shared,
});
const named = z.object({
  report_type: z.string(),
  start_date: z.iso.date(),
  end_date: z.iso.date(),
  ...shared,
});

/** By `report_type`; $1 and $2 are the first and the last day. */
const reports: Readonly<Record<string, { title: string; sql: string }>> = {
  jobs: {
    title: "Jobs by task and state",
    sql: `select task, state, count(*) as jobs, min(created_at) as first, max(created_at) as last
          from taskrun.jobs
          where created_at >= $1::date and created_at < $2::date + 1
          group by task, state
          order by task, state`,
  },
};

type Report = z.output<typeof free>;

export default defineTask({
  description: "Writes the rows of a read-only SQL query to a CSV or HTML file.",
  payload: z.union([free, named], {
    error:
      'give { sql, title?, parameters? } or { report_type, start_date, end_date }, and format?: "csv" or "html"',
  }),
  timeout: "5m",
  // It writes, it is no SELECT, it has too few parameters: it would be refused again.
  classify: (error) => (/^(25006|0A000|08P01)$/.test(sqlState(error)) ? "permanent" : undefined),
  async handler(payload, ctx) {
    const report = "sql" in payload ? payload : byName(payload);
    const folder = join(process.env.TASKRUN_DATA_DIR ?? ".taskrun", "reports");
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${ctx.jobId}.${report.format}`);
    const unfinished = join(folder, `.${ctx.jobId}.${process.pid}.tmp`);
    const handle = await open(unfinished, "w");
    try {
      const rows = await ctx.withPgClient((client) => copyRows(report, client, handle, ctx));
      await rename(unfinished, file);
      ctx.log.info({ file, ...rows }, "report written");
      return { title: report.title, file, ...rows };
    } finally {
      await handle.close();
      await rm(unfinished, { force: true });
    }
  },
});

async function copyRows(
  { title, sql, parameters, format, maxRows }: Report,
  client: PoolClient,
  handle: FileHandle,
  ctx: TaskContext,
): Promise<{ rowCount: number; truncated: boolean }> {
  const { begin, row, end } = reportFormats[format];
  await client.query("begin transaction read only");
  try {
    // A cursor would be planned for its first rows; all of them are wanted.
    await client.query("set local statement_timeout = '30s'; set local cursor_tuple_fraction = 1");
    // "extended" takes one statement only: without it, "commit; drop table x" would run.
    const declare: QueryConfig & { queryMode: "extended" } = {
      text: `declare report no scroll cursor for ${sql}`,
      values: parameters,
      queryMode: "extended",
    };
    await client.query(declare);
    for (let rowCount = 0; ; ) {
      ctx.signal.throwIfAborted();
      const page = await client.query<(string | null)[]>({
        text: `fetch ${rowsPerFetch} from report`,
        rowMode: "array",
        // Text as Postgres writes it: a date made a Date would move with the time zone.
        types: { getTypeParser: () => String },
      });
      if (rowCount === 0)
        await handle.appendFile(
          begin(
            title,
            page.fields.map((f) => f.name),
          ),
        );
      const kept = page.rows.slice(0, maxRows - rowCount);
      await handle.appendFile(kept.map(row).join(""));
      rowCount += kept.length;
      await ctx.progress(rowCount);
      const truncated = kept.length < page.rows.length;
      if (truncated || page.rows.length < rowsPerFetch) {
        await handle.appendFile(end());
        return { rowCount, truncated };
      }
    }
  } finally {
    // Fails only with its connection, and then there is a better error on its way.
    await client.query("rollback").catch(() => {});
  }
}

function byName({ report_type, start_date, end_date, ...rest }: z.output<typeof named>): Report {
  const report = Object.hasOwn(reports, report_type) ? reports[report_type] : undefined;
  if (report) return { ...rest, ...report, parameters: [start_date, end_date] };
  const known = Object.keys(reports).join(", ");
  throw new PermanentError(`there is no report "${report_type}"; known: ${known}`);
}

function sqlState(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
