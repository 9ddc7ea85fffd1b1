/** `taskrun jobs`: what is queued and what has ended. */

import type pg from "pg";
import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { JobFilter } from "../../store/job-filter.ts";
import { type JobRow, listJobPage, type SearchedTo } from "../../store/jobs.ts";
import type { Schemas } from "../../store/schemas.ts";
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
    searchJobs(pool, schemas, filter),
  );
  if (args.isSet("json")) printJson(rows);
  else if (rows.length === 0) say("There are no such jobs.");
  else printTable(["id", "task", "state", "attempts", "run at", "error"], rows.map(cells));
  return exitCodes.ok;
}

/** After that long people are told how far it came. */
const toldAfterMs = 1_000;

/** Until there are enough or there are no more: a filter that matches little takes its time. */
async function searchJobs(
  pool: pg.Pool,
  schemas: Schemas,
  filter: JobFilter,
): Promise<readonly JobRow[]> {
  const { limit = 50 } = filter;
  const found: JobRow[] = [];
  let before = filter.before;
  for (;;) {
    const rest = {
      ...filter,
      limit: limit - found.length,
      ...(before === undefined ? {} : { before }),
    };
    const page = await listJobPage(pool, schemas, rest, { budgetMs: toldAfterMs });
    found.push(...page.jobs);
    if (page.searchedTo === null) return found;
    before = page.searchedTo.before;
    if (process.stderr.isTTY) say(searchedText(page.searchedTo, found.length));
  }
}

function searchedText({ at, before }: SearchedTo, count: number): string {
  const back = at === null ? `the job ${before}` : at.toISOString();
  return `Searched back to ${back}, found ${count}; searching on.`;
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
