/** The doctor's look at the database: reach, rights, schemas, clock. Changes nothing in it. */

import pg from "pg";
import { describeConnection } from "../config/describe-connection.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { findEmbeddedPostgres } from "../dev/embedded-postgres.ts";
import { appliedMigrations, migrationNames } from "../store/migrate.ts";
import { unknownMigrations } from "../store/queue/contract.ts";
import { type QueueRights, queueRights } from "../store/queue/queue-rights.ts";
import { type Schemas, schemasFor } from "../store/schemas.ts";
import { oldestPostgres } from "./check-usable.ts";
import { describeDatabaseError } from "./describe-database-error.ts";
import type { Finding } from "./finding.ts";

/** Due times are the database's: a process whose clock is further off misleads its reader. */
const tolerableSkewMs = 2000;

export async function examineDatabase(config: ResolvedConfig): Promise<Finding[]> {
  if (config.connection !== null) return examineServer(config.connection, config.schema);
  let running: Awaited<ReturnType<typeof findEmbeddedPostgres>>;
  try {
    running = await findEmbeddedPostgres(config.dataDir);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const fix = "Name another folder with --data-dir, or set DATABASE_URL.";
    return [{ name: "embedded", status: "fail", detail, fix }];
  }
  if (running === null) {
    const detail = `not running; \`taskrun\` starts one in ${config.dataDir}`;
    return [{ name: "embedded", status: "ok", detail, fix: null }];
  }
  const detail = `running as process ${running.pid} on port ${running.port}`;
  return [
    { name: "embedded", status: "ok", detail, fix: null },
    ...(await examineServer(running.url, config.schema)),
  ];
}

async function examineServer(connectionString: string, schema: string): Promise<Finding[]> {
  const shown = describeConnection(connectionString);
  const client = new pg.Client({
    connectionString,
    application_name: "taskrun doctor",
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const schemas = schemasFor(schema);
    const rights = await queueRights(client, schemas);
    const base = [
      await examineVersion(client, shown),
      await examineRights(client, schemas),
      ...examineVisibility(rights),
    ];
    // What follows can't be asked by this role.
    if (rights?.reads === false) return [...base, await examineClock(client)];
    return [
      ...base,
      await examineQueue(client, schemas),
      await examineOwnSchema(client, schemas),
      await examineClock(client),
    ];
  } catch (error) {
    const fault = describeDatabaseError(error);
    if (fault === null) throw error;
    const fix = fault.hint ?? "Start the server, or correct DATABASE_URL.";
    return [{ name: "database", status: "fail", detail: `${shown}: ${fault.sentence}`, fix }];
  } finally {
    await client.end().catch(() => {});
  }
}

async function examineVersion(client: pg.Client, shown: string): Promise<Finding> {
  const { rows } = await client.query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::int as number,
       current_setting('server_version') as version`,
  );
  const { number = 0, version = "unknown" } = rows[0] ?? {};
  const detail = `${shown}, Postgres ${version}`;
  if (number >= oldestPostgres * 10_000) {
    return { name: "database", status: "ok", detail, fix: null };
  }
  const fix = `taskrun needs Postgres ${oldestPostgres} or newer.`;
  return { name: "database", status: "fail", detail, fix };
}

async function examineRights(client: pg.Client, schemas: Schemas): Promise<Finding> {
  const { rows } = await client.query<{ creates: boolean; uses: boolean; readonly: boolean }>(
    `select has_database_privilege(current_database(), 'CREATE') as creates,
       coalesce((select bool_and(has_schema_privilege(oid, 'USAGE')) and count(*) = 2
         from pg_namespace where nspname in ($1, $2)), false) as uses,
       pg_is_in_recovery() as readonly`,
    [schemas.queueName, schemas.ownName],
  );
  const { creates = false, uses = false, readonly = false } = rows[0] ?? {};
  const found = { name: "rights", fix: null };
  if (readonly) {
    const detail = "a standby: it can only be read";
    return { ...found, status: "fail", detail, fix: "Connect to the primary server." };
  }
  if (creates) return { ...found, status: "ok", detail: "may create schemas" };
  if (uses) return { ...found, status: "ok", detail: "may use the schemas, not create them" };
  return {
    ...found,
    status: "fail",
    detail: "may neither create the schemas nor use them",
    fix: "Grant CREATE on the database to this user, or run `taskrun migrate` as another one.",
  };
}

/** Says something only when there is something to say. */
function examineVisibility(rights: QueueRights | null): Finding[] {
  if (rights === null) return [];
  const { role, reads, writes, seesRows } = rights;
  const found = {
    name: "queue rows",
    fix: "Connect as the owner, or make roles with `taskrun db roles`.",
  };
  if (!reads) {
    const detail = `the role "${role}" may not read the queue's tables; it may still add jobs`;
    return [{ ...found, status: "fail", detail }];
  }
  if (!seesRows) {
    const detail = `row level security hides the queue's rows from the role "${role}"`;
    return [{ ...found, status: "fail", detail }];
  }
  if (writes) return [];
  return [{ ...found, status: "warn", detail: `the role "${role}" may read jobs, not run them` }];
}

async function examineQueue(client: pg.Client, schemas: Schemas): Promise<Finding> {
  const { rows: tables } = await client.query<{ found: boolean }>(
    "select to_regclass($1) is not null as found",
    [`${schemas.queue}.migrations`],
  );
  if (tables[0]?.found !== true) return notMigrated("queue schema", schemas.queueName);
  const { rows } = await client.query<{ newest: number }>(
    `select max(id) as newest from ${schemas.queue}.migrations`,
  );
  const detail = `${schemas.queueName}: graphile-worker's migration ${rows[0]?.newest}`;
  const unknown = await unknownMigrations(client, schemas);
  if (unknown.length > 0) {
    const newer = `${detail}, of a newer one than this taskrun knows`;
    const isBreaking = unknown.some(({ breaking }) => breaking);
    const word = isBreaking ? "its changes are breaking" : "its changes are said to fit older ones";
    return {
      name: "queue schema",
      status: isBreaking ? "fail" : "warn",
      detail: `${newer}; ${word}`,
      fix: "Update taskrun to a version that is made for it.",
    };
  }
  return { name: "queue schema", status: "ok", detail, fix: null };
}

async function examineOwnSchema(client: pg.Client, schemas: Schemas): Promise<Finding> {
  const name = "own schema";
  const done = await appliedMigrations(client, schemas);
  if (done.length === 0) return notMigrated(name, schemas.ownName);
  const known = migrationNames();
  const missing = known.filter((migration) => !done.includes(migration));
  const newer = done.filter((migration) => !known.includes(migration));
  const detail = `${schemas.ownName}: ${done.at(-1)}`;
  if (newer.length > 0) {
    const newest = `${detail}, which a newer taskrun made`;
    return { name, status: "fail", detail: newest, fix: "Run that taskrun, or a newer one." };
  }
  if (missing.length === 0) return { name, status: "ok", detail, fix: null };
  const behind = `${detail}; ${missing.join(", ")} is missing`;
  return { name, status: "warn", detail: behind, fix: "`taskrun migrate`, or the next start." };
}

function notMigrated(name: string, schema: string): Finding {
  const detail = `${schema} isn't there yet`;
  return { name, status: "warn", detail, fix: "`taskrun migrate` or the first start makes it." };
}

async function examineClock(client: pg.Client): Promise<Finding> {
  const before = Date.now();
  const { rows } = await client.query<{ now: Date }>("select clock_timestamp() as now");
  const after = Date.now();
  const there = rows[0]?.now.getTime() ?? before;
  // Half of the way there and back: the best guess at when the database looked at its clock.
  const skewMs = Math.round(there - (before + after) / 2);
  const detail = `the database's is ${Math.abs(skewMs)} ms ${skewMs < 0 ? "behind" : "ahead"}`;
  if (Math.abs(skewMs) <= tolerableSkewMs) {
    return { name: "clock", status: "ok", detail, fix: null };
  }
  return { name: "clock", status: "warn", detail, fix: "Let both machines keep time by NTP." };
}
