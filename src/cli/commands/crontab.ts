/** `taskrun crontab`: each line in plain words, when it runs next and when it ran last. */

import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import { nextRuns } from "../../core/cron-schedule.ts";
import type { CronItem, ParsedCrontab } from "../../core/crontab.ts";
import { describeSchedule } from "../../core/describe-schedule.ts";
import { formatDuration } from "../../core/duration.ts";
import { maskedPayload } from "../../core/masked-payload.ts";
import type { TimeZone } from "../../core/time-zone.ts";
import { taskFinder } from "../../runtime/enqueueing/enqueue.ts";
import { lastTicks } from "../../store/cron-ticks.ts";
import { CliError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { describeCrontabFailure } from "../describe-crontab-failure.ts";
import { shownPath } from "../describe-load-failure.ts";

import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { loadCrontab } from "../load-crontab.ts";
import { loadTasks } from "../load-tasks.ts";
import { colour, print, printJson, say, sayWarning } from "../output.ts";
import { withStore } from "../with-store.ts";

const runsShown = 3;

export async function crontab(args: CommandArguments): Promise<ExitCode> {
  const { config } = await loadConfig(args.forConfig());
  const catalog = await loadTasks(config);
  const content = await loadCrontab(config, catalog);
  const last = content.items.length === 0 ? new Map<string, Date>() : await readLastTicks(config);
  const nowMs = Date.now();
  if (args.isSet("json")) {
    const findTask = taskFinder(catalog);
    const shown = content.items.map((item) => ({
      ...item,
      payload: maskedPayload(findTask(item.task), item.payload),
    }));
    printJson(shown.map((item) => itemJson(item, { nowMs, last })));
  } else {
    for (const item of content.items) printItem(item, { nowMs, last });
  }
  sayWhatIsWrong(config, content);
  return exitCodes.ok;
}

interface Known {
  readonly nowMs: number;
  readonly last: ReadonlyMap<string, Date>;
}

/** The crontab can be read without a database; only what has run is known there. */
async function readLastTicks(config: ResolvedConfig): Promise<ReadonlyMap<string, Date>> {
  try {
    return await withStore(config, { migrate: false }, ({ pool, schemas }) =>
      lastTicks(pool, schemas),
    );
  } catch (error) {
    const isNew = error instanceof Error && "code" in error && error.code === "42P01";
    if (!isNew && !(error instanceof CliError)) throw error;
    if (!isNew) sayWarning(`last runs are unknown: ${error.message}`);
    return new Map();
  }
}

function itemJson(item: CronItem, { nowMs, last }: Known) {
  const { line, identifier, task, pattern, schedule, comment, payload, fillMs, options } = item;
  return {
    line,
    identifier,
    task,
    pattern,
    time_zone: schedule.zone.name,
    words: describeSchedule(schedule),
    comment,
    payload,
    fill: fillMs === 0 ? null : formatDuration(fillMs),
    options,
    next: nextRuns(schedule, nowMs, runsShown).map((atMs) => ({
      utc: new Date(atMs).toISOString(),
      local: wallClock(atMs, schedule.zone),
    })),
    last: last.get(identifier)?.toISOString() ?? null,
  };
}

function printItem(item: CronItem, { nowMs, last }: Known): void {
  const { identifier, task, schedule, comment } = item;
  const { zone } = schedule;
  const name = identifier === task ? task : `${task} (${identifier})`;
  print(`${colour("bold", name, process.stdout)}: ${describeSchedule(schedule)}`);
  if (comment !== null) print(colour("dim", `  ${comment}`, process.stdout));
  const show = (atMs: number) => {
    const local = zone.name === "UTC" ? "" : `${wallClock(atMs, zone)} ${zone.name}  `;
    return `${local}${wallClock(atMs, { ...zone, offsetMsAt: () => 0 })} UTC`;
  };
  for (const [index, atMs] of nextRuns(schedule, nowMs, runsShown).entries()) {
    print(`  ${index === 0 ? "next" : "    "}  ${show(atMs)}`);
  }
  const lastAt = last.get(identifier);
  print(`  last  ${lastAt === undefined ? "never" : show(lastAt.getTime())}`);
}

/** "2026-03-29 03:00", as the zone's clocks show it. */
function wallClock(atMs: number, zone: TimeZone): string {
  return new Date(atMs + zone.offsetMsAt(atMs)).toISOString().slice(0, 16).replace("T", " ");
}

function sayWhatIsWrong(config: ResolvedConfig, { items, failures }: ParsedCrontab): void {
  for (const failure of failures) sayWarning(describeCrontabFailure(config.crontab, failure));
  if (items.length + failures.length > 0) return;
  say(
    config.crontab === false
      ? "The crontab is turned off."
      : `There are no lines in ${shownPath(config.crontab)}.`,
  );
}
