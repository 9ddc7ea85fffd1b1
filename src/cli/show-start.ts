/** The first words of a process: what it has found and where it works. */

import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog } from "../core/catalog.ts";
import type { Logger } from "../core/logger.ts";
import { taskrunVersion } from "../runtime/version.ts";
import { describeLoadFailure, shownPath } from "./describe-load-failure.ts";
import type { OpenDatabase } from "./open-database.ts";
import { colour, say, sayWarning } from "./output.ts";

export interface Start {
  readonly config: ResolvedConfig;
  readonly catalog: Catalog;
  readonly database: Pick<OpenDatabase, "shown" | "embedded">;
  readonly logger: Logger;
  readonly once: boolean;
}

/** Tells people on stderr, and machines that read the log of each file that can't be loaded. */
export function showStart({ config, catalog, database, logger, once }: Start): void {
  const { tasks, failures } = catalog;
  const broken = failures.length === 0 ? "" : `, ${failures.length} can't be loaded`;
  const embedded = database.embedded ? " (embedded)" : "";
  const until = once ? "until nothing is due" : "until Ctrl-C";
  say(`${colour("bold", "taskrun")} ${taskrunVersion}`);
  say(`  tasks     ${tasks.size} in ${shownPath(config.tasks)}${broken}`);
  say(`  database  ${database.shown}${embedded}`);
  say(`  running   ${config.concurrency} at a time, ${until}`);
  for (const failure of failures) {
    sayWarning(describeLoadFailure(failure));
    if (process.stdout.isTTY) continue;
    const { task, file, line, column, reason, fix } = failure;
    logger.error({ task, file, line, column, reason, fix }, "a task file can't be loaded");
  }
}
