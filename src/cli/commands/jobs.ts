/** `taskrun jobs`: what is queued and what has ended. */

import { loadConfig } from "../../config/load-config.ts";
import { closestName } from "../../core/closest-name.ts";
import type { JobState } from "../../core/job.ts";
import { type JobFilter, type JobRow, listJobs } from "../../store/jobs.ts";
import { usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { printJson, printTable, say } from "../output.ts";
import { withStore } from "../with-store.ts";

const states: readonly JobState[] = [
  "pending",
  "scheduled",
  "blocked",
  "running",
  "retrying",
  "completed",
  "failed",
  "cancelled",
];

const longestCell = 60;

export async function jobs(args: CommandArguments): Promise<ExitCode> {
  const filter = filterFrom(args);
  const { config } = await loadConfig(args.forConfig());
  const rows = await withStore(config, { migrate: false }, ({ pool, schemas }) =>
    listJobs(pool, schemas, filter),
  );
  if (args.isSet("json")) printJson(rows);
  else if (rows.length === 0) say("There are no such jobs.");
  else printTable(["id", "task", "state", "attempts", "run at", "error"], rows.map(cells));
  return exitCodes.ok;
}

function filterFrom(args: CommandArguments): JobFilter {
  const task = args.text("task");
  const state = args.text("state");
  return {
    limit: args.wholeNumber("limit", { min: 1, max: 1_000_000 }) ?? 50,
    ...(task === undefined ? {} : { task }),
    ...(state === undefined ? {} : { state: parseState(state) }),
  };
}

function parseState(text: string): JobState {
  const state = states.find((known) => known === text);
  if (state !== undefined) return state;
  const meant = closestName(text, states);
  throw usageError(
    `--state ${text}: unknown state`,
    meant === null ? `There are ${states.join(", ")}.` : `Did you mean ${meant}?`,
  );
}

function cells(row: JobRow): string[] {
  const [error = ""] = (row.error ?? "").split("\n");
  return [
    row.id,
    row.task,
    row.state,
    `${row.attempts}/${row.max_attempts}`,
    row.run_at.toISOString(),
    error.length > longestCell ? `${error.slice(0, longestCell - 1)}…` : error,
  ];
}
