/** `taskrun prune`: removes finished jobs, by their tasks' retention or by a given age. */

import { loadConfig } from "../../config/load-config.ts";
import { closestName } from "../../core/closest-name.ts";
import { parseDuration } from "../../core/duration.ts";
import {
  type FinishedState,
  type PruneChoice,
  pruneJobs,
  pruneOnceResults,
} from "../../store/prune-jobs.ts";
import { usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { printJson, say } from "../output.ts";
import { withStore } from "../with-store.ts";

const finishedStates: readonly FinishedState[] = ["completed", "failed", "cancelled"];

export async function prune(args: CommandArguments): Promise<ExitCode> {
  const choice = choiceFrom(args);
  const { config } = await loadConfig(args.forConfig());
  return withStore(config, { migrate: false }, async ({ pool, schemas }) => {
    const removed = await pruneJobs(pool, schemas, choice);
    // Results of `ctx.once` belong to no job, so that only the policies say when they go.
    const byPolicy =
      choice.olderThanMs === null && choice.state === undefined && choice.task === undefined;
    const results = byPolicy ? await pruneOnceResults(pool, schemas, choice.dryRun) : 0;
    const jobs = finishedStates.reduce((sum, state) => sum + removed[state], 0);
    if (args.isSet("json")) {
      printJson({ dry_run: choice.dryRun, jobs, ...removed, once_results: results });
    }
    const parts = finishedStates.map((state) => `${removed[state]} ${state}`).join(", ");
    const verb = choice.dryRun ? "Would remove" : "Removed";
    say(`${verb} ${jobs} ${jobs === 1 ? "job" : "jobs"} (${parts}).`);
    return exitCodes.ok;
  });
}

function choiceFrom(args: CommandArguments): PruneChoice {
  const state = args.text("state");
  const task = args.text("task");
  return {
    olderThanMs: ageFrom(args.text("older-than")),
    dryRun: args.isSet("dry-run"),
    ...(state === undefined ? {} : { state: stateFrom(state) }),
    ...(task === undefined ? {} : { task }),
  };
}

function ageFrom(text: string | undefined): number | null {
  if (text === undefined) return null;
  try {
    return parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  } catch {
    throw usageError(`--older-than ${text}: expected a duration such as "12h" or "7d"`);
  }
}

function stateFrom(text: string): FinishedState {
  const state = finishedStates.find((known) => known === text);
  if (state !== undefined) return state;
  const meant = closestName(text, finishedStates);
  throw usageError(
    `--state ${text}: expected ${finishedStates.join(", ")}`,
    meant === null ? "Only finished jobs can be removed so." : `Did you mean ${meant}?`,
  );
}
