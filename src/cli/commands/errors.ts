/** `taskrun errors`: failed jobs grouped by what made them fail; retries a group. */

import { loadConfig } from "../../config/load-config.ts";
import { type ErrorGroup, listErrorGroups, listGroupJobs } from "../../store/error-groups.ts";
import { retryJobs } from "../../store/operations.ts";
import type { FailureFilter } from "../../store/queue/list-unnamed-failures.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { jobFilter } from "../job-filter.ts";
import { printJson, printTable, say } from "../output.ts";
import { type OpenStore, withStore } from "../with-store.ts";

const longestCell = 60;

export async function errors(args: CommandArguments): Promise<ExitCode> {
  const action = args.text("action");
  if (action !== undefined && action !== "retry") {
    throw usageError(`${action}: unknown action`, "`taskrun errors retry <fingerprint>`");
  }
  const fingerprint = action === undefined ? null : args.required("fingerprint");
  const { task, since } = jobFilter(args);
  const filter = {
    ...(task === undefined ? {} : { task }),
    ...(since === undefined ? {} : { since }),
  };
  const { config } = await loadConfig(args.forConfig());
  return withStore(config, { migrate: false }, (store) =>
    fingerprint === null
      ? list(store, filter, args.isSet("json"))
      : retry(store, fingerprint, { filter, json: args.isSet("json") }),
  );
}

async function list(
  { pool, schemas }: OpenStore,
  filter: FailureFilter,
  json: boolean,
): Promise<ExitCode> {
  const groups = await listErrorGroups(pool, schemas, filter);
  if (json) printJson(groups);
  else if (groups.length === 0) say("No job has failed.");
  else {
    printTable(["fingerprint", "jobs", "task", "first", "last", "job", "error"], groups.map(cells));
    say("`taskrun errors retry <fingerprint>` makes a group's jobs due again.");
  }
  return exitCodes.ok;
}

function cells(group: ErrorGroup): string[] {
  const { fingerprint, count, task, first_seen, last_seen, example_id } = group;
  const [line = ""] = group.error_message.split("\n");
  const place = group.frame === null ? "" : ` at ${group.frame}`;
  const shown = line.length > longestCell ? `${line.slice(0, longestCell - 1)}…` : line;
  const error = `${group.error_name === null ? "" : `${group.error_name}: `}${shown}${place}`;
  const moments = [first_seen, last_seen].map((one) => `${one.toISOString().slice(0, 19)}Z`);
  return [fingerprint, String(count), task, ...moments, example_id, error];
}

async function retry(
  { pool, schemas }: OpenStore,
  fingerprint: string,
  { filter, json }: { readonly filter: FailureFilter; readonly json: boolean },
): Promise<ExitCode> {
  const ids = await listGroupJobs(pool, schemas, fingerprint, filter);
  if (ids.length === 0) {
    throw new CliError(
      exitCodes.failed,
      `No failed job has the fingerprint ${fingerprint}.`,
      "`taskrun errors` lists them.",
    );
  }
  const changed = await retryJobs(pool, schemas, { ids, limit: ids.length });
  const due = changed.filter(({ state }) => state === "due").length;
  if (json) printJson(changed);
  say(`${due} of ${ids.length} jobs are due again.`);
  return exitCodes.ok;
}
