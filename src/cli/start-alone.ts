/** Opens the database of a process that runs jobs while the code that does so is loaded. */

import type { RunOptions } from "./commands/run-alone.ts";
import type { ExitCode } from "./exit-codes.ts";
import { openDatabase } from "./open-database.ts";

export async function startAlone(options: Omit<RunOptions, "database">): Promise<ExitCode> {
  const { config, signals } = options;
  const database = openDatabase(config, { signal: signals.first, forWork: true });
  // It is waited for later; until then nobody hears what it rejects with.
  database.catch(() => {});
  const { runAlone } = await import("./commands/run-alone.ts");
  return runAlone({ ...options, database });
}
