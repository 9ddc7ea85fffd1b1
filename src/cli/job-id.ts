/** Reads a job's id from the command line, and words that there is no such job. */

import { CliError, usageError } from "./cli-error.ts";
import type { CommandArguments } from "./command-arguments.ts";
import { exitCodes } from "./exit-codes.ts";

/** The largest bigint of Postgres, which ids are. */
const largestId = 2n ** 63n - 1n;

const hint = "`taskrun jobs` lists them.";

/** The argument `<id>`. */
export function jobId(args: CommandArguments): string {
  return parseJobId(args.required("id"));
}

export function parseJobId(id: string): string {
  if (/^\d{1,19}$/.test(id) && BigInt(id) <= largestId) return id;
  throw usageError(`${id}: a job's id is a whole number`, hint);
}

export function noSuchJob(id: string): CliError {
  return new CliError(exitCodes.failed, `There is no job ${id}.`, hint);
}
