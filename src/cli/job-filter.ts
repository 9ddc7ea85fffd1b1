/** From the flags that choose jobs (`--task --state --queue --since …`) to a filter. */

import { closestName } from "../core/closest-name.ts";
import { parseDuration } from "../core/duration.ts";
import type { JobState } from "../core/job.ts";
import type { JobFilter } from "../store/job-filter.ts";
import { usageError } from "./cli-error.ts";
import type { CommandArguments } from "./command-arguments.ts";

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

/** What was typed and nothing else: a flag that is missing is not in the filter. */
export function jobFilter(args: CommandArguments): JobFilter {
  const limit = args.wholeNumber("limit", { min: 1, max: 1_000_000 });
  const given = {
    task: args.text("task"),
    state: stateFrom(args.text("state")),
    queue: args.text("queue"),
    correlationId: args.text("correlation-id"),
    since: momentFrom("since", args.text("since")),
    until: momentFrom("until", args.text("until")),
    limit,
  };
  const { since, until } = given;
  if (since !== undefined && until !== undefined && since >= until) {
    throw usageError("--since must be before --until");
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function stateFrom(text: string | undefined): JobState | undefined {
  if (text === undefined) return undefined;
  const state = states.find((known) => known === text);
  if (state !== undefined) return state;
  const meant = closestName(text, states);
  throw usageError(
    `--state ${text}: unknown state`,
    meant === null ? `There are ${states.join(", ")}.` : `Did you mean ${meant}?`,
  );
}

/** So long ago ("2h"), or a moment as ISO 8601. */
function momentFrom(flag: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const ago = durationFrom(text);
  if (ago !== null) return new Date(Date.now() - ago);
  const moment = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw usageError(
    `--${flag} ${text}: expected how long ago ("2h") or a moment such as 2030-01-31T08:00:00Z`,
  );
}

function durationFrom(text: string): number | null {
  try {
    return parseDuration(text);
  } catch {
    return null;
  }
}
