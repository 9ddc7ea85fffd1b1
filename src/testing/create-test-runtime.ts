/**
 * A real runtime on a real database of its own, for tests of tasks and of what enqueues them.
 * The database is copied from a template in milliseconds and dropped at the end.
 */

import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { loadConfig } from "../config/load-config.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog, TaskLoader } from "../core/catalog.ts";
import type { GraphileAddJobOptions } from "../core/context.ts";
import type { EnqueueOptions, JobState } from "../core/job.ts";
import { resolveTask } from "../core/resolve-task.ts";
import type { Task } from "../core/task.ts";
import { startEmbeddedPostgres } from "../dev/embedded-postgres.ts";
import { throwawayFolder } from "../dev/throwaway-folder.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
import { createEnqueuer, taskFinder } from "../runtime/enqueueing/enqueue.ts";
import { configLayers, createProjectLoader } from "../runtime/project-loader.ts";
import type { DrainCounts, Runtime } from "../runtime/runtime.ts";
import { getJob, type JobRow, listJobs } from "../store/jobs.ts";
import { migrate, migrationNames } from "../store/migrate.ts";
import { schemasFor } from "../store/schemas.ts";
import { createScratchDatabase, type ScratchDatabase } from "../store/scratch-database.ts";

export interface TestRuntimeOptions {
  /**
   * A folder's path, with the settings of the project in the current folder; or definitions by
   * name, with no project around them. Default: the project's tasks folder.
   */
  tasks?: string | Readonly<Record<string, unknown>>;
  /**
   * The server on which the database is made: the URL of a role that may create databases.
   * Default: that of DATABASE_URL in the environment, else an embedded one for all tests.
   */
  server?: string;
  /** Whose database it is, on the same server. Default: the same role. */
  owner?: string;
  /** Any setting of the runtime. */
  config?: Partial<ResolvedConfig>;
}

export interface TestRuntime {
  /** The URL of this test's own database. */
  readonly connectionString: string;
  /** A pool on it, for the test's own questions. */
  readonly db: pg.Pool;
  readonly catalog: Catalog;
  enqueue(
    task: string,
    payload?: unknown,
    options?: EnqueueOptions & GraphileAddJobOptions,
  ): Promise<{ id: string }>;
  /** Runs what is due until nothing is, and says how many attempts ended how. */
  drain(): Promise<DrainCounts>;
  /** Runs one job, due or not, and returns it as it is then. Throws when it can't be run. */
  runJob(id: string): Promise<JobRow>;
  /** A job as `taskrun.jobs` shows it; null when there is none. */
  job(id: string): Promise<JobRow | null>;
  /** The jobs of a task that have not run yet, oldest first. */
  enqueued(task: string): Promise<JobRow[]>;
  /** A runtime of its own on this database, not started: for tests of starting and stopping. */
  createRuntime(config?: Partial<ResolvedConfig>): Runtime;
  /** Stops everything and drops the database. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function createTestRuntime(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
  const project = await projectConfig(options);
  const config: ResolvedConfig = { ...project.config, ...options.config };
  // First: tasks that are wrong must not leave a database that nobody drops.
  const catalog = await loaderFor(options.tasks, config).load();
  const server = await testServer(options, project.connection);
  try {
    const database = await createScratchDatabase(server.adminUrl, {
      ownerUrl: server.ownerUrl,
      template: {
        name: templateName(config.schema),
        prepare: async (url) => void (await migrate(url, { schema: config.schema })),
      },
    });
    return testRuntime({ config, catalog, database, releaseServer: server.release });
  } catch (error) {
    await server.release();
    throw error;
  }
}

interface Parts {
  readonly config: ResolvedConfig;
  readonly catalog: Catalog;
  readonly database: ScratchDatabase;
  readonly releaseServer: () => Promise<void>;
}

function testRuntime({ config, catalog, database, releaseServer }: Parts): TestRuntime {
  const schemas = schemasFor(config.schema);
  const db = new pg.Pool({ connectionString: database.url, max: 4 });
  db.on("error", () => {});
  const { enqueue } = createEnqueuer({ db, schemas, findTask: taskFinder(catalog) });
  const create = (more: Partial<ResolvedConfig> = {}) =>
    createRuntime({
      config: { ...config, ...more },
      connectionString: database.url,
      loader: { load: async () => catalog, close: async () => undefined },
      logger: pino({ level: config.logLevel }),
    });
  const once = async <T>(use: (runtime: Runtime) => Promise<T>): Promise<T> => {
    const runtime = create();
    try {
      return await use(runtime);
    } finally {
      await runtime.stop();
    }
  };
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= db.end().then(database.drop).then(releaseServer);
    return stopped;
  };
  return {
    connectionString: database.url,
    db,
    catalog,
    enqueue,
    drain: () => once((runtime) => runtime.drain()),
    async runJob(id) {
      const ran = await once((runtime) => runtime.runJob(id));
      const job = await getJob(db, schemas, id);
      if (!ran || job === null) {
        throw new Error(`Job ${id} can't be run: it is ${job === null ? "gone" : job.state}.`);
      }
      return job;
    },
    job: (id) => getJob(db, schemas, id),
    async enqueued(task) {
      const waiting: JobState[] = ["pending", "scheduled"];
      const jobs = await listJobs(db, schemas, { task, limit: 10_000 });
      return jobs.filter((job) => waiting.includes(job.state)).reverse();
    },
    createRuntime: create,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** What a test wants different from a process, whatever the project says. */
const testSettings = {
  crontab: false,
  shutdownGraceMs: 1000,
  shutdownDeadlineMs: 1000,
  timeoutGraceMs: 1000,
  logLevel: "silent",
  logFormat: "json",
} as const;

/** A folder of tasks comes with its project's settings; definitions stand alone. */
async function projectConfig({ tasks }: TestRuntimeOptions) {
  const flags = typeof tasks === "string" ? { tasks } : {};
  const alone = typeof tasks === "object";
  const { config, sources } = await loadConfig(
    alone ? { folder: tmpdir(), environment: {} } : { flags },
  );
  // Of `.env` no connection is taken: that is the database people develop with.
  const connection = sources.connection === "DATABASE_URL" ? config.connection : null;
  return { config: { ...config, ...testSettings }, connection };
}

async function testServer(options: TestRuntimeOptions, connection: string | null) {
  const given = options.server ?? connection;
  if (given !== null) {
    const ownerUrl = options.owner ?? given;
    return { adminUrl: given, ownerUrl, release: async () => undefined };
  }
  // Each user has their own: the server runs as them, and nobody else may read what is in it.
  const user = process.getuid?.() ?? "";
  const dataDir = join(await throwawayFolder(), `taskrun-tests-${user}`);
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  return {
    adminUrl: postgres.superuserUrl,
    ownerUrl: postgres.url,
    release: () => postgres.stop(),
  };
}

/** Another template as soon as there is another migration. */
function templateName(schema: string): string {
  return createHash("sha256")
    .update(JSON.stringify([schema, migrationNames()]))
    .digest("hex")
    .slice(0, 16);
}

function loaderFor(tasks: TestRuntimeOptions["tasks"], config: ResolvedConfig): TaskLoader {
  if (typeof tasks !== "object") return createProjectLoader(config);
  const layers = configLayers(config);
  const loaded = new Map<string, Task>();
  for (const [name, definition] of Object.entries(tasks)) {
    loaded.set(name, resolveTask(definition, { name, file: `${name}.ts`, version: 1, layers }));
  }
  return {
    load: async () => ({ tasks: loaded, failures: [] }),
    close: async () => undefined,
  };
}
