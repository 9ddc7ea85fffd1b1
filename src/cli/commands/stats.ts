/** `taskrun stats`: how many jobs of each task are where, how fast they go and how long they take. */

import { loadConfig } from "../../config/load-config.ts";
import type { JobState } from "../../core/job.ts";
import { roughDuration } from "../../core/rough-duration.ts";
import { readStats, type Stats, type TaskStats } from "../../store/task-stats.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { jobFilter } from "../job-filter.ts";
import { printJson, printTable, say } from "../output.ts";
import { withStore } from "../with-store.ts";

const dayMs = 86_400_000;

export async function stats(args: CommandArguments): Promise<ExitCode> {
  const { task = null, since = new Date(Date.now() - dayMs) } = jobFilter(args);
  const { config } = await loadConfig(args.forConfig());
  const found = await withStore(config, { migrate: false }, ({ pool, schemas }) =>
    readStats(pool, schemas, { since, task }),
  );
  if (args.isSet("json")) printJson(found);
  else if (found.tasks.length === 0) say("There are no such jobs.");
  else printStats(found);
  return exitCodes.ok;
}

function printStats({ since, tasks, all }: Stats): void {
  const rows = tasks.length > 1 ? [...tasks, all] : tasks;
  // why: the record has exactly these keys
  const states = (Object.keys(all.counts) as JobState[]).filter((state) => all.counts[state] > 0);
  printTable(
    ["task", ...states, "done/min", "failed/min", "wait p50", "p95", "run p50", "p95"],
    rows.map((row) => [
      row.task ?? "all",
      ...states.map((state) => String(row.counts[state])),
      ...rest(row),
    ]),
  );
  say(`Ended jobs since ${since.toISOString()}; all others as they are now.`);
}

function rest({ completed_per_minute, failed_per_minute, wait_ms, run_ms }: TaskStats): string[] {
  const times = [wait_ms.p50, wait_ms.p95, run_ms.p50, run_ms.p95];
  return [
    rate(completed_per_minute),
    rate(failed_per_minute),
    ...times.map((ms) => (ms === null ? "-" : roughDuration(ms))),
  ];
}

function rate(perMinute: number): string {
  if (perMinute === 0) return "0";
  return perMinute >= 10 ? perMinute.toFixed(0) : perMinute.toPrecision(2);
}
