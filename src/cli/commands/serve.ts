/** `taskrun serve`: the HTTP API in a process of its own, which runs no jobs. */

import { existsSync } from "node:fs";
import pg from "pg";
import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { Catalog } from "../../core/catalog.ts";
import { createLogger } from "../../runtime/create-logger.ts";
import { publishTasks } from "../../runtime/enqueueing/publish-tasks.ts";
import { taskrunVersion } from "../../runtime/version.ts";
import { migrate } from "../../store/migrate.ts";
import { schemasFor } from "../../store/schemas.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { describeLoadFailure, shownPath } from "../describe-load-failure.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { loadCrontab } from "../load-crontab.ts";
import { loadTasks } from "../load-tasks.ts";
import { openDatabase } from "../open-database.ts";
import { colour, say, sayWarning } from "../output.ts";
import { serveHttp } from "../serve-http.ts";
import { aborted, hurried, StopSignals } from "../stop-signals.ts";
import { surviveStrayErrors } from "../survive-stray-errors.ts";

/** What the HTTP API of other systems often is on, so that their examples work here. */
const defaultPort = 3000;

export async function serve(args: CommandArguments): Promise<ExitCode> {
  const { config } = await loadConfig(args.forConfig());
  const signals = new StopSignals();
  signals.start();
  const served = serveUntilStopped(config, signals);
  return Promise.race([served, hurried(signals).then(() => exitCodes.ok)]);
}

async function serveUntilStopped(config: ResolvedConfig, signals: StopSignals): Promise<ExitCode> {
  const logger = await createLogger({ config, stream: process.stdout });
  surviveStrayErrors(() => logger);
  const database = await openDatabase(config, { signal: signals.first, forWork: true });
  try {
    const { connectionString } = database;
    if (signals.first.aborted) return exitCodes.ok;
    await migrate(connectionString, { schema: config.schema, onProgress: say });
    const catalog = await catalogOf(config);
    const crontab = await loadCrontab(config, catalog);
    await publish(connectionString, config, catalog);
    say(`${colour("bold", "taskrun")} ${taskrunVersion}, serves and runs no jobs`);
    say(`  tasks     ${catalog.tasks.size} in ${shownPath(config.tasks)}`);
    say(`  database  ${database.shown}${database.embedded ? " (embedded)" : ""}`);
    for (const failure of catalog.failures) sayWarning(describeLoadFailure(failure));
    const server = await serveHttp({
      config,
      port: config.httpPort ?? defaultPort,
      connectionString,
      logger,
      catalog: () => catalog,
      crontab: () => crontab,
    });
    await aborted(signals.first);
    say(`${signals.first.reason}: stopping.`);
    await server.close();
    return exitCodes.ok;
  } catch (error) {
    // Whatever a start trips over once it was told to stop is of no interest any more.
    if (signals.first.aborted) return exitCodes.ok;
    throw error;
  } finally {
    await database.close();
  }
}

/** Without the tasks' files, what running processes have published is all that is known. */
async function catalogOf(config: ResolvedConfig): Promise<Catalog> {
  return existsSync(config.tasks) ? loadTasks(config) : { tasks: new Map(), failures: [] };
}

/** So that `GET /catalog` has them before a process runs them. */
async function publish(
  connectionString: string,
  { schema }: ResolvedConfig,
  catalog: Catalog,
): Promise<void> {
  if (catalog.tasks.size === 0) return;
  const client = new pg.Client({ connectionString, application_name: "taskrun serve" });
  client.on("error", () => {});
  await client.connect();
  try {
    await publishTasks({ db: client, schemas: schemasFor(schema), catalog, processId: null });
  } finally {
    await client.end().catch(() => {});
  }
}
