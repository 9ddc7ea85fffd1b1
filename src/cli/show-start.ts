/** The first words of a process: what it has found and where it works. */

import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog } from "../core/catalog.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import type { Logger } from "../core/logger.ts";
import { taskrunVersion } from "../runtime/version.ts";
import { describeCrontabFailure } from "./describe-crontab-failure.ts";
import { describeLoadFailure, shownPath } from "./describe-load-failure.ts";
import type { ExampleJob } from "./find-example.ts";
import type { KeyAction } from "./keys.ts";
import { missingCrontab } from "./load-crontab.ts";
import type { OpenDatabase } from "./open-database.ts";
import { colour, say, sayWarning } from "./output.ts";

export interface Start {
  readonly config: ResolvedConfig;
  readonly catalog: Catalog;
  /** What the clock adds; left out where nothing is shown of it. */
  readonly crontab?: ParsedCrontab;
  readonly database: Pick<OpenDatabase, "shown" | "embedded">;
  readonly logger: Logger;
  readonly once: boolean;
  /** In watch mode: what the keys do; empty without a terminal. */
  readonly keys?: readonly Pick<KeyAction, "key" | "sentence">[];
  /** In watch mode: a job to begin with; null = none is known. */
  readonly example?: ExampleJob | null;
}

/** Tells people on stderr, and machines that read the log of each file that can't be loaded. */
export function showStart(start: Start): void {
  const { config, catalog, database, logger, once, keys } = start;
  const { tasks, failures } = catalog;
  const broken = failures.length === 0 ? "" : `, ${failures.length} can't be loaded`;
  const embedded = database.embedded ? " (embedded)" : "";
  const until = once ? "until nothing is due" : "until Ctrl-C";
  const watching = keys === undefined ? "" : ", follows your changes";
  say(`${colour("bold", "taskrun")} ${taskrunVersion}${watching}`);
  say(`  tasks     ${tasks.size} in ${shownPath(config.tasks)}${broken}`);
  showCrontab(start);
  say(`  database  ${database.shown}${embedded}`);
  const { processes } = config;
  const each = processes === 1 ? "" : ` in each of ${processes} processes`;
  say(`  running   ${config.concurrency} at a time${each}, ${until}`);
  if (keys !== undefined) showHints(start, keys);
  showCrontabFailures(start);
  for (const failure of failures) {
    sayWarning(describeLoadFailure(failure));
    if (process.stdout.isTTY) continue;
    const { task, file, line, column, reason, fix } = failure;
    logger.error({ task, file, line, column, reason, fix }, "a task file can't be loaded");
  }
}

function showCrontab({ config, crontab }: Start): void {
  if (config.crontab === false || crontab === undefined) return;
  const { items, failures } = crontab;
  if (items.length + failures.length === 0) return;
  const lines = items.length === 1 ? "1 line" : `${items.length} lines`;
  const broken = failures.length === 0 ? "" : `, ${failures.length} can't run`;
  say(`  crontab   ${lines} in ${shownPath(config.crontab)}${broken}`);
}

function showCrontabFailures({ config, crontab, logger, once }: Start): void {
  const missing = crontab === undefined || once ? null : missingCrontab(config);
  for (const failure of [missing ?? [], crontab?.failures ?? []].flat()) {
    sayWarning(describeCrontabFailure(config.crontab, failure));
    if (process.stdout.isTTY) continue;
    const { line, column, task, reason, fix } = failure;
    const said =
      failure === missing ? "the crontab is missing" : "a line of the crontab is left out";
    logger.error({ line, column, task, reason, fix }, said);
  }
}

function showHints({ catalog, example }: Start, keys: NonNullable<Start["keys"]>): void {
  const [first] = catalog.tasks.keys();
  if (first === undefined) say("  new task  npx taskrun new <name>");
  else if (example) {
    say(`  add jobs  npx taskrun add ${example.task} ${shellQuoted(example.payloadJson)}`);
  } else say(`  add jobs  npx taskrun add ${first} <payload>`);
  if (keys.length > 0) say(`  keys      ${describeKeys(keys)}`);
}

/** As one word, for any shell of Unix. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `r run a task · q quit` */
export function describeKeys(keys: readonly Pick<KeyAction, "key" | "sentence">[]): string {
  return keys.map(({ key, sentence }) => `${colour("bold", key)} ${sentence}`).join(" · ");
}
