/**
 * From the configuration to a database that can be used: the one it names, or the embedded
 * Postgres, started for as long as the command needs it. Waits for one that isn't up yet and
 * refuses one that can't be used, in plain words.
 */

import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { describeConnection } from "../config/describe-connection.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { CliError } from "./cli-error.ts";
import { describeDatabaseError } from "./describe-database-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { say } from "./output.ts";
import { startEmbedded } from "./start-embedded.ts";

export interface OpenDatabase {
  readonly connectionString: string;
  /** For people: without the password. */
  readonly shown: string;
  readonly embedded: boolean;
  /** Lets go of the embedded Postgres; it ends when nobody else uses it. */
  close(): Promise<void>;
}

export interface OpenDatabaseOptions {
  /** How long to wait for a server that isn't up yet. Default 30 s. */
  readonly waitMs?: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** The oldest Postgres that taskrun works with; graphile-worker's own SQL needs 12. */
export const oldestPostgres = 13;
const betweenTriesMs = 500;

/** @throws CliError unavailable, with the reason and what to do. */
export async function openDatabase(
  config: Pick<ResolvedConfig, "connection" | "dataDir">,
  options: OpenDatabaseOptions = {},
): Promise<OpenDatabase> {
  const database = await findDatabase(config);
  try {
    await waitUntilUsable(database, options);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function findDatabase(
  config: Pick<ResolvedConfig, "connection" | "dataDir">,
): Promise<OpenDatabase> {
  if (config.connection !== null) {
    return {
      connectionString: config.connection,
      shown: describeConnection(config.connection),
      embedded: false,
      close: async () => {},
    };
  }
  const embedded = await startEmbedded(config.dataDir);
  return {
    connectionString: embedded.url,
    shown: describeConnection(embedded.url),
    embedded: true,
    close: () => embedded.stop(),
  };
}

async function waitUntilUsable(
  database: OpenDatabase,
  { waitMs = 30_000, signal }: OpenDatabaseOptions,
): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (let tries = 1; ; tries += 1) {
    try {
      await checkUsable(database.connectionString);
      return;
    } catch (error) {
      const fault = describeDatabaseError(error);
      if (fault === null) throw error;
      const sentence = `${database.shown}: ${fault.sentence}`;
      if (!fault.passes) throw new CliError(exitCodes.unavailable, sentence, fault.hint);
      if (Date.now() + betweenTriesMs > deadline || signal?.aborted) {
        throw new CliError(
          exitCodes.unavailable,
          sentence,
          "Start the server, or correct DATABASE_URL.",
        );
      }
      if (tries === 1) say(`waiting for ${sentence} (up to ${Math.round(waitMs / 1000)} s)`);
      await sleep(betweenTriesMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** Connects once and asks what can only be known from inside. */
async function checkUsable(connectionString: string): Promise<void> {
  const client = new pg.Client({
    connectionString,
    application_name: "taskrun check",
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ number: number; version: string; standby: boolean }>(
      `select current_setting('server_version_num')::int as number,
         current_setting('server_version') as version, pg_is_in_recovery() as standby`,
    );
    const [server] = rows;
    if (server === undefined) return;
    if (server.number < oldestPostgres * 10_000) {
      throw new CliError(
        exitCodes.unavailable,
        `${describeConnection(connectionString)} is Postgres ${server.version}`,
        `taskrun needs Postgres ${oldestPostgres} or newer.`,
      );
    }
    if (server.standby) {
      throw new CliError(
        exitCodes.unavailable,
        `${describeConnection(connectionString)} is a standby: it can only be read`,
        "Connect to the primary server.",
      );
    }
  } finally {
    await client.end().catch(() => {});
  }
}
