/** `taskrun show <id>`: one job in the columns of the view, with its failed attempts. */

import { loadConfig } from "../../config/load-config.ts";
import { type AttemptRow, getJob, type JobRow, listAttempts } from "../../store/jobs.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { colour, print, printJson } from "../output.ts";
import { withStore } from "../with-store.ts";

/** The largest bigint of Postgres, which ids are. */
const largestId = 2n ** 63n - 1n;

export async function show(args: CommandArguments): Promise<ExitCode> {
  const id = args.required("id");
  if (!/^\d{1,19}$/.test(id) || BigInt(id) > largestId) {
    throw usageError(`${id}: a job's id is a whole number`, "`taskrun jobs` lists them.");
  }
  const { config } = await loadConfig(args.forConfig());
  const found = await withStore(config, { migrate: false }, async ({ pool, schemas }) => {
    const job = await getJob(pool, schemas, id);
    return job && { job, attempts: await listAttempts(pool, schemas, id) };
  });
  if (!found) {
    throw new CliError(exitCodes.failed, `There is no job ${id}.`, "`taskrun jobs` lists them.");
  }
  if (args.isSet("json")) printJson({ ...found.job, failed_attempts: found.attempts });
  else printJob(found.job, found.attempts);
  return exitCodes.ok;
}

function printJob(job: JobRow, attempts: readonly AttemptRow[]): void {
  for (const [column, value] of Object.entries(job)) {
    if (value === null || value === undefined) continue;
    print(`${colour("dim", column.padEnd(15), process.stdout)} ${shown(value)}`);
  }
  for (const attempt of attempts) {
    const ended = attempt.finished_at.toISOString();
    print(`\nattempt ${attempt.attempt}: ${attempt.state} at ${ended} (rule ${attempt.rule})`);
    print(`  ${attempt.error_stack ?? `${attempt.error_name}: ${attempt.error_message}`}`);
    if (attempt.next_run_at !== null) print(`  next run at ${attempt.next_run_at.toISOString()}`);
  }
}

function shown(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
