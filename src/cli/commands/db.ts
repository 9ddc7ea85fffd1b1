/** `taskrun db`: the embedded Postgres from outside, and the script for the roles of a database. */

import { describeConnection } from "../../config/describe-connection.ts";
import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import { closestName } from "../../core/closest-name.ts";
import {
  findEmbeddedPostgres,
  resetEmbeddedPostgres,
  stopEmbeddedPostgres,
} from "../../dev/embedded-postgres.ts";
import { rolesScript } from "../../store/queue/roles-script.ts";
import { schemasFor } from "../../store/schemas.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { print, say } from "../output.ts";
import { startEmbedded } from "../start-embedded.ts";

type Action = (config: ResolvedConfig, args: CommandArguments) => Promise<void>;

const actions: Readonly<Record<string, Action>> = {
  url: showUrl,
  start,
  stop,
  reset,
  roles: printRoles,
};

export async function db(args: CommandArguments): Promise<ExitCode> {
  const name = args.required("action");
  const action = actions[name];
  if (action === undefined) {
    const meant = closestName(name, Object.keys(actions));
    const known = `There are ${Object.keys(actions).join(", ")}.`;
    throw usageError(`db ${name}: unknown`, meant === null ? known : `Did you mean ${meant}?`);
  }
  if (name !== "roles" && args.isSet("graphile-functions")) {
    throw usageError("--graphile-functions is for `taskrun db roles`", "Leave it out.");
  }
  const { config } = await loadConfig(args.forConfig());
  try {
    await action(config, args);
  } catch (error) {
    if (error instanceof CliError || !(error instanceof Error)) throw error;
    throw new CliError(exitCodes.unavailable, `the embedded Postgres: ${error.message}`);
  }
  return exitCodes.ok;
}

/** The URL alone on stdout, for `psql "$(taskrun db url)"`. */
async function showUrl(config: ResolvedConfig): Promise<void> {
  if (config.connection !== null) return print(config.connection);
  const running = await findEmbeddedPostgres(config.dataDir);
  if (running === null) {
    throw new CliError(
      exitCodes.unavailable,
      "the embedded Postgres is not running",
      "Start it with `taskrun db start`, or run `taskrun`.",
    );
  }
  print(running.url);
}

async function start(config: ResolvedConfig): Promise<void> {
  warnOfConnection(config);
  const started = await startEmbedded(config.dataDir, { keepRunning: true });
  await started.stop();
  const how = started.startedHere ? "started" : "was running and stays";
  say(`${describeConnection(started.url)} ${how}; end it with \`taskrun db stop\`.`);
}

async function stop(config: ResolvedConfig): Promise<void> {
  const wasRunning = await stopEmbeddedPostgres(config.dataDir);
  say(wasRunning ? "The embedded Postgres has stopped." : "The embedded Postgres wasn't running.");
}

async function reset(config: ResolvedConfig): Promise<void> {
  await resetEmbeddedPostgres(config.dataDir);
  say("The embedded Postgres and its data are gone; the next start makes a new one.");
}

/** Touches no database: the script is for somebody with more rights than taskrun has. */
async function printRoles(config: ResolvedConfig, args: CommandArguments): Promise<void> {
  const graphileFunctions = args.isSet("graphile-functions");
  print(rolesScript(schemasFor(config.schema), { graphileFunctions }).trimEnd());
}

function warnOfConnection(config: ResolvedConfig): void {
  if (config.connection === null) return;
  say(`Note: taskrun uses ${describeConnection(config.connection)}, not the embedded Postgres.`);
}
