/**
 * Brings a database up to date: graphile-worker's migrations, then ours, under one lock.
 * Owns the list of our migrations; refuses a schema that is newer than this version.
 */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { TaskrunError } from "../core/errors.ts";
import { definerFunctions, restoreDefiners } from "./definer-functions.ts";
import { checkQueueContract, queueExists, unknownMigrations } from "./queue/contract.ts";
import { checkQueueRights } from "./queue/queue-rights.ts";
import { type Schemas, schemasFor } from "./schemas.ts";

// From both src/store and dist/store: the package ships its sources.
const folder = fileURLToPath(new URL("../../src/store/migrations/", import.meta.url));

// Held while migrating, so that processes that start together take turns.
const lockKey = 7_203_811_554;

export interface MigrateOptions {
  /** graphile-worker's schema. */
  schema: string;
  onProgress?: (message: string) => void;
}

export interface Migrated {
  /** The names of our migrations that were missing. */
  readonly applied: string[];
  /** The last migration of a newer graphile-worker, whose changes fit us; null without. */
  readonly unknownQueueMigration: number | null;
}

/**
 * Applies what is missing; does nothing on a database that is up to date.
 *
 * @throws TaskrunError schema-newer when a newer taskrun has migrated this database, and
 *   missing-rights when the role may not do what is to be done, or not work with the queue.
 */
export async function migrate(
  connectionString: string,
  options: MigrateOptions,
): Promise<Migrated> {
  const schemas = schemasFor(options.schema);
  const client = new pg.Client({
    connectionString,
    application_name: "taskrun migrate",
    connectionTimeoutMillis: 10_000,
  });
  // Without a listener, a connection lost in between would end the process.
  client.on("error", () => {});
  await client.connect();
  // What the database or the role has set is meant for the application's statements.
  await client.query("set statement_timeout = 0");
  let doing = looking;
  try {
    const current = await whatIsCurrent(client, schemas);
    if (current !== null) return current;
    doing = "to bring the database up to date";
    await client.query("select pg_advisory_lock($1)", [lockKey]);
    options.onProgress?.("migrating the database");
    // Loaded here: a database that is up to date is the usual case and needs none of it.
    const { Logger, runMigrations } = await import("graphile-worker");
    await runMigrations({
      connectionString,
      schema: schemas.queueName,
      logger: new Logger(() => () => {}),
      noPreparedStatements: true,
    });
    await checkQueueContract(client, schemas);
    return await migrated(client, schemas, await applyMissing(client, schemas));
  } catch (error) {
    throw refusedMigration(error, doing);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * The same by a pool's connection, which is there to be used afterwards; only a database that is
 * not up to date gets one of its own. Throws as `migrate` does.
 */
export async function migrateIfNeeded(
  pool: Pick<pg.Pool, "connect">,
  connectionString: string,
  options: MigrateOptions,
): Promise<Migrated> {
  const client = await pool.connect();
  let current: Migrated | null;
  try {
    current = await whatIsCurrent(client, schemasFor(options.schema));
  } catch (error) {
    throw refusedMigration(error, looking);
  } finally {
    client.release();
  }
  return current ?? migrate(connectionString, options);
}

const looking = "to look whether the database is up to date";

/** Null when there is something to migrate. */
async function whatIsCurrent(
  client: Pick<pg.Client, "query">,
  schemas: Schemas,
): Promise<Migrated | null> {
  const done = await appliedMigrations(client, schemas);
  if (missingMigrations(done).length > 0 || !(await queueExists(client, schemas))) return null;
  await checkQueueRights(client, schemas);
  await checkQueueContract(client, schemas);
  return migrated(client, schemas, []);
}

async function migrated(
  client: Pick<pg.Client, "query">,
  schemas: Schemas,
  applied: string[],
): Promise<Migrated> {
  const unknown = await unknownMigrations(client, schemas);
  return { applied, unknownQueueMigration: unknown.at(-1)?.id ?? null };
}

/** The names of our migrations, in order. */
export function migrationNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .map((name) => name.replace(/\.sql$/, ""))
    .sort();
}

/** Which of our migrations the database has; none when it has none of our tables. */
export async function appliedMigrations(
  client: Pick<pg.Client, "query">,
  schemas: Schemas,
): Promise<string[]> {
  const { rows: tables } = await client.query("select to_regclass($1) is not null as found", [
    `${schemas.own}.migrations`,
  ]);
  if (!tables[0].found) return [];
  const { rows } = await client.query(`select name from ${schemas.own}.migrations order by name`);
  return rows.map((row) => row.name);
}

function missingMigrations(done: readonly string[]): string[] {
  const known = migrationNames();
  const newer = done.filter((name) => !known.includes(name));
  if (newer.length > 0) {
    throw new TaskrunError(
      "schema-newer",
      `The database has migrations of a newer taskrun: ${newer.join(", ")}`,
    );
  }
  return known.filter((name) => !done.includes(name));
}

function refusedMigration(error: unknown, doing: string): unknown {
  if (!(error instanceof Error && "code" in error && error.code === "42501")) return error;
  return new TaskrunError(
    "missing-rights",
    `This role has not the rights ${doing} (${error.message})`,
    {
      nextStep:
        "Run `taskrun migrate` as the owner of the schemas (in a new database: as a role with CREATE on it), then start again.",
      cause: error,
    },
  );
}

async function applyMissing(client: pg.Client, schemas: Schemas): Promise<string[]> {
  await client.query("begin");
  await client.query(`create schema if not exists ${schemas.own}`);
  await client.query(
    `create table if not exists ${schemas.own}.migrations (
       name text primary key, applied_at timestamptz not null default now())`,
  );
  const definers = await definerFunctions(client, schemas);
  // Asked again under the lock: another process may have been faster.
  const missing = missingMigrations(await appliedMigrations(client, schemas));
  for (const name of missing) {
    const text = readFileSync(`${folder}${name}.sql`, "utf8");
    await client.query(
      text
        .replaceAll(":QUEUE", schemas.queue)
        .replaceAll(":OWN", schemas.own)
        .replaceAll(":CONTROL", pg.escapeLiteral(schemas.controlChannel)),
    );
    await client.query(`insert into ${schemas.own}.migrations (name) values ($1)`, [name]);
  }
  await restoreDefiners(client, definers);
  await client.query("commit");
  return missing;
}
