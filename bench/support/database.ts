/**
 * The benches' database: the one in DATABASE_URL, or an embedded server of our own that is as
 * durable as a production one. Its queue is emptied again and again, so it refuses a database
 * whose name doesn't say that it is for benches or tests.
 */

import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runMigrations } from "graphile-worker";
import pg from "pg";
import { resetEmbeddedPostgres, startEmbeddedPostgres } from "../../src/dev/embedded-postgres.ts";

export interface BenchDatabase {
  readonly connectionString: string;
  /** For setting up and looking: may checkpoint. No side under measurement uses it. */
  readonly admin: pg.Pool;
  readonly adminUrl: string;
  close(): Promise<void>;
}

export async function openBenchDatabase(): Promise<BenchDatabase> {
  const given = process.env.DATABASE_URL;
  if (given) refuseForeignDatabase(given);
  const server = given ? { url: given, adminUrl: given, end: noop } : await startServer();
  const database = await openDatabase(server.url, server.adminUrl);
  return {
    ...database,
    async close() {
      await database.close();
      await server.end();
    },
  };
}

/** A database on a server that runs, with an empty queue. */
export async function openDatabase(url: string, adminUrl: string): Promise<BenchDatabase> {
  const admin = new pg.Pool({ connectionString: adminUrl, max: 4 });
  admin.on("error", noop);
  await runMigrations({ connectionString: url });
  return { connectionString: url, admin, adminUrl, close: () => admin.end() };
}

/** Version and the settings that decide how fast a commit is. */
export async function describeServer(admin: pg.Pool): Promise<string> {
  const { rows } = await admin.query(`
    select (regexp_match(version(), '^PostgreSQL [0-9.]+'))[1] as version,
           current_setting('synchronous_commit') as sync, current_setting('fsync') as fsync,
           current_setting('shared_buffers') as buffers`);
  const { version, sync, fsync, buffers } = rows[0];
  return `${version}, fsync ${fsync}, synchronous_commit ${sync}, shared_buffers ${buffers}`;
}

/** No jobs, no history: what the side before left behind is gone, on disk too. */
export async function emptyQueue(admin: pg.Pool): Promise<void> {
  const { rows } = await admin.query(`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where (schemaname, tablename) in (
      ('graphile_worker', '_private_jobs'), ('graphile_worker', '_private_job_queues'),
      ('taskrun', 'history'), ('taskrun', 'attempts'), ('taskrun', 'job_details'))`);
  await admin.query(`truncate ${rows.map(({ name }) => name).join(", ")}`);
}

export interface NewJobs {
  readonly task: string;
  readonly count: number;
  readonly payload?: unknown;
  readonly priority?: number;
  readonly queue?: string;
}

/** Adds the jobs in one call, as a caller with many jobs would. */
export async function addJobs(admin: pg.Pool, jobs: NewJobs): Promise<void> {
  await admin.query(
    `select count(*) from graphile_worker.add_jobs((
       select array_agg(row($1, $2::json, $3, null, null, null, $4, null)::graphile_worker.job_spec)
       from generate_series(1, $5::int)))`,
    [jobs.task, JSON.stringify(jobs.payload ?? {}), jobs.queue, jobs.priority, jobs.count],
  );
}

/** Statistics as autovacuum would have them, and no checkpoint due in the middle of a round. */
export async function settleDown(admin: pg.Pool): Promise<void> {
  await admin.query("vacuum analyze graphile_worker._private_jobs");
  await admin.query("checkpoint");
}

export async function countJobs(admin: pg.Pool): Promise<number> {
  const { rows } = await admin.query(
    "select count(*)::int as count from graphile_worker._private_jobs",
  );
  return rows[0].count;
}

function noop(): void {}

async function startServer() {
  const dataDir = await mkdtemp(join(tmpdir(), "taskrun-bench-"));
  await chmod(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir, durable: true });
  const adminUrl = new URL(server.superuserUrl);
  adminUrl.pathname = new URL(server.url).pathname;
  return {
    url: server.url,
    adminUrl: adminUrl.href,
    async end() {
      await server.stop();
      await resetEmbeddedPostgres(dataDir);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function refuseForeignDatabase(url: string): void {
  const name = new URL(url).pathname.slice(1);
  if (/bench|test/.test(name)) return;
  throw new Error(
    `The benches empty the queue of the database they are given, and "${name}" in DATABASE_URL` +
      ' may be a real one. Create one with "bench" in its name and give that.',
  );
}
