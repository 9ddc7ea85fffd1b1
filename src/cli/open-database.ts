/**
 * From the configuration to a database that can be used: the one it names, or the embedded
 * Postgres, started for as long as the command needs it. Waits for one that isn't up yet and
 * refuses one that can't be used, in plain words.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { describeConnection } from "../config/describe-connection.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { checkUsable } from "./check-usable.ts";
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
  /** Whether jobs will be run: then one that only reads, or that can't listen, is no use. */
  readonly forWork?: boolean;
}

const betweenTriesMs = 500;
const betweenWordsMs = 10_000;

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
  { waitMs = 30_000, signal, forWork = false }: OpenDatabaseOptions,
): Promise<void> {
  const deadline = Date.now() + waitMs;
  let toldAtMs: number | null = null;
  for (;;) {
    try {
      await checkUsable(database, forWork);
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
      if (toldAtMs === null || Date.now() - toldAtMs > betweenWordsMs) {
        const left = `up to ${Math.round((deadline - Date.now()) / 1000)} s`;
        say(`${toldAtMs === null ? "" : "still "}waiting for ${sentence} (${left})`);
        toldAtMs = Date.now();
      }
      await sleep(betweenTriesMs, undefined, { signal }).catch(() => {});
    }
  }
}
