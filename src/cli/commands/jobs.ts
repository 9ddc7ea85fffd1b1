/** `taskrun jobs`: what is queued and what has ended. */

import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import { type JobRow, listJobs } from "../../store/jobs.ts";
import { usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { followJobs } from "../follow-jobs.ts";
import { jobFilter } from "../job-filter.ts";
import { printJson, printTable, say } from "../output.ts";
import { withStore } from "../with-store.ts";

const longestCell = 60;

export async function jobs(args: CommandArguments): Promise<ExitCode> {
  const filter = jobFilter(args);
  const { config } = await loadConfig(args.forConfig());
  if (args.isSet("follow")) return follow(args, config);
  const rows = await withStore(config, { migrate: false }, ({ pool, schemas }) =>
    listJobs(pool, schemas, filter),
  );
  if (args.isSet("json")) printJson(rows);
  else if (rows.length === 0) say("There are no such jobs.");
  else printTable(["id", "task", "state", "attempts", "run at", "error"], rows.map(cells));
  return exitCodes.ok;
}

async function follow(args: CommandArguments, config: ResolvedConfig): Promise<ExitCode> {
  for (const flag of ["since", "until", "limit"]) {
    if (args.text(flag) !== undefined)
      throw usageError(`--follow tells what happens from now on`, `Leave --${flag} out.`);
  }
  const onStart = (): void => say("Waiting for changes; Ctrl-C ends it.");
  const options = { filter: jobFilter(args), json: args.isSet("json"), onStart };
  await withStore(config, { migrate: false }, (store) => followJobs(store, options));
  return exitCodes.ok;
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
