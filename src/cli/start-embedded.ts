/** Starts the embedded Postgres for a command, with progress for people and plain refusals. */

import type { EmbeddedPostgres } from "../dev/embedded-postgres.ts";
import { CliError } from "./cli-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { say } from "./output.ts";

/** @throws CliError unavailable, with the reason, when it can't be started here. */
export async function startEmbedded(
  dataDir: string,
  { keepRunning = false }: { readonly keepRunning?: boolean } = {},
): Promise<EmbeddedPostgres> {
  const onProgress = (message: string) => say(`embedded Postgres: ${message}`);
  // Loaded only here: who has a server of their own needs none of it.
  const { startEmbeddedPostgres } = await import("../dev/embedded-postgres.ts");
  try {
    return await startEmbeddedPostgres({ dataDir, keepRunning, onProgress });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(
      exitCodes.unavailable,
      `the embedded Postgres can't be started: ${reason}`,
      "Or set DATABASE_URL to a Postgres of your own.",
    );
  }
}
