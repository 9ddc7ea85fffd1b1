/**
 * Writes tables to a file of JSON lines, `{"table":"users","row":{…}}`, as they were at one
 * moment, whatever is written meanwhile. Rows pass through in pages, so a table may be larger
 * than memory. The file appears when it is whole, or not at all.
 */

import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { escapeIdentifier, type PoolClient } from "pg";
import { PermanentError, type TaskContext } from "taskrun";

const rowsPerFetch = 1_000;

export interface DumpOptions {
  schema: string;
  /** Default: all tables of the schema. */
  tables?: readonly string[];
  /** Compressed when its name ends in `.gz`. */
  file: string;
}

export interface Dump {
  file: string;
  bytes: number;
  tables: number;
  rows: number;
}

/** @throws PermanentError when the schema or a table is missing */
export async function dumpTables(options: DumpOptions, ctx: TaskContext): Promise<Dump> {
  const { file } = options;
  await mkdir(dirname(file), { recursive: true });
  const unfinished = join(dirname(file), `.${basename(file)}.${ctx.jobId}.${process.pid}.tmp`);
  try {
    const counts = await ctx.withPgClient(async (client) => {
      // All tables as of the transaction's first statement.
      await client.query("begin isolation level repeatable read read only");
      try {
        return await write(client, options, unfinished, ctx);
      } finally {
        // Fails only with its connection, and then there is a better error on its way.
        await client.query("rollback").catch(() => {});
      }
    });
    const { size: bytes } = await stat(unfinished);
    await rename(unfinished, file);
    return { file, bytes, ...counts };
  } finally {
    await rm(unfinished, { force: true });
  }
}

async function write(client: PoolClient, options: DumpOptions, file: string, ctx: TaskContext) {
  const tables = await tablesOf(client, options);
  const counts = { tables: tables.length, rows: 0 };
  async function* lines(): AsyncGenerator<string> {
    for (const [index, table] of tables.entries()) {
      for await (const rows of rowsOf(client, options.schema, table)) {
        ctx.signal.throwIfAborted();
        const start = `{"table":${JSON.stringify(table)},"row":`;
        if (rows.length > 0) yield rows.map((row) => `${start}${row}}\n`).join("");
        counts.rows += rows.length;
        await ctx.progress(index, tables.length, `${table}, ${counts.rows} rows in all`);
      }
    }
    await ctx.progress(tables.length, tables.length, `${counts.rows} rows in all`);
  }
  const zip: Transform[] = options.file.endsWith(".gz") ? [createGzip()] : [];
  // Flushed to the disk before it takes the place of anything.
  const sink = createWriteStream(file, { flush: true });
  await pipeline([Readable.from(lines()), ...zip, sink], { signal: ctx.signal });
  return counts;
}

async function tablesOf(client: PoolClient, { schema, tables }: DumpOptions): Promise<string[]> {
  const { rows } = await client.query<{ name: string | null }>(
    `select c.relname as name from pg_namespace n
     left join pg_class c on c.relnamespace = n.oid and c.relkind = 'r'
     where n.nspname = $1 order by c.relname`,
    [schema],
  );
  if (rows.length === 0) throw new PermanentError(`there is no schema ${schema}`);
  const found = rows.map(({ name }) => name).filter((name) => name !== null);
  const missing = tables?.filter((name) => !found.includes(name)) ?? [];
  if (missing.length === 0) return tables === undefined ? found : [...new Set(tables)];
  throw new PermanentError(
    `the schema ${schema} has no table ${missing.join(", ")}; it has ${found.join(", ") || "none"}`,
  );
}

/** As Postgres itself makes JSON of them: no number or date passes through JavaScript's. */
async function* rowsOf(client: PoolClient, schema: string, table: string) {
  const name = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
  await client.query(
    `declare dump no scroll cursor for select row_to_json(r.*)::text as line from only ${name} r`,
  );
  for (;;) {
    const { rows } = await client.query<{ line: string }>(`fetch ${rowsPerFetch} from dump`);
    yield rows.map(({ line }) => line);
    if (rows.length < rowsPerFetch) break;
  }
  await client.query("close dump");
}
