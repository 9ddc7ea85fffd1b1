/** `taskrun migrate`: brings graphile-worker's schema and ours up to date. */

import { loadConfig } from "../../config/load-config.ts";
import { migrate as migrateDatabase } from "../../store/migrate.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { openDatabase } from "../open-database.ts";
import { printJson, say } from "../output.ts";

export async function migrate(args: CommandArguments): Promise<ExitCode> {
  const { config } = await loadConfig(args.forConfig());
  const database = await openDatabase(config, { forWork: true });
  try {
    const { applied } = await migrateDatabase(database.connectionString, {
      schema: config.schema,
      onProgress: say,
    });
    if (args.isSet("json")) printJson({ applied });
    say(
      applied.length === 0
        ? `${database.shown} is up to date.`
        : `${database.shown}: applied ${applied.join(", ")}.`,
    );
    return exitCodes.ok;
  } finally {
    await database.close();
  }
}
