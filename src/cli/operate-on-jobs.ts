/**
 * What cancel, retry and run-now have in common: which jobs are meant, a question before many
 * are changed, what is told of each, and waiting for their end.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "../config/load-config.ts";
import { parseDuration } from "../core/duration.ts";
import { TaskrunError } from "../core/errors.ts";
import type { JobState } from "../core/job.ts";
import { listJobs } from "../store/jobs.ts";
import {
  type ChangedJob,
  type JobChoice,
  matchingJobs,
  type Operation,
} from "../store/operations.ts";
import { usageError } from "./cli-error.ts";
import type { CommandArguments } from "./command-arguments.ts";
import { confirm } from "./confirm.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { jobFilter } from "./job-filter.ts";
import { parseJobId } from "./job-id.ts";
import { printJson, say, sayError } from "./output.ts";
import { type OpenStore, withStore } from "./with-store.ts";

export interface JobOperation<Result extends string> {
  readonly operation: Operation;
  /** "Cancel", as in "Cancel 17 jobs?" */
  readonly question: string;
  /** The results after which the job is on its way to where it was wanted. */
  readonly done: readonly Result[];
  /** The end that whoever waits wants to see. */
  readonly goal: JobState;
  /** What is said of a job, after "Job 17". */
  readonly sentences: Readonly<Record<Result, string>>;
  readonly one: (store: OpenStore, id: string) => Promise<Result>;
  readonly many: (store: OpenStore, choice: JobChoice) => Promise<ChangedJob<Result>[]>;
}

/** What became of one job, as `--json` prints it. */
interface TouchedJob {
  readonly id: string;
  /** A result of the operation or, after waiting, the job's state; null when it was refused. */
  readonly state: string | null;
  readonly error?: string | null;
}

/** Above that many, jobs are only counted. */
const mostNamed = 20;
const betweenLooksMs = 200;
const endStates: ReadonlySet<JobState> = new Set(["completed", "failed", "cancelled"]);

/** Asks a person; null = there is no terminal to ask on. */
export type Ask = ((question: string) => Promise<boolean>) | null;

export async function operateOnJobs<Result extends string>(
  args: CommandArguments,
  operation: JobOperation<Result>,
  ask: Ask = process.stdin.isTTY && process.stderr.isTTY ? confirm : null,
): Promise<ExitCode> {
  const choice = choiceFrom(args);
  const waitMs = waitFrom(args);
  const { config } = await loadConfig(args.forConfig());
  return withStore(config, { migrate: false }, async (store) => {
    const { pool, schemas } = store;
    const named = choice.ids !== undefined;
    const dryRun = args.isSet("dry-run");
    const ids =
      named && !dryRun
        ? choice.ids
        : await matchingJobs(pool, schemas, operation.operation, choice);
    if (dryRun) return tellCount(ids, args.isSet("json"));
    if (ids.length > 1 && !named && ask !== null && !args.isSet("yes")) {
      if (!(await ask(`${operation.question} ${countOf(ids.length)}?`))) {
        say("Nothing was changed.");
        return exitCodes.ok;
      }
    }
    const touched = named
      ? await touchEach(store, ids, operation)
      : await operation.many(store, { ...choice, ids });
    tellResults(touched, operation, args.isSet("json") && waitMs === null);
    const fine = touched.every((job) => isDone(job, operation));
    if (waitMs === null) return fine ? exitCodes.ok : exitCodes.failed;
    return waitForEnds(store, { touched, operation, waitMs, json: args.isSet("json") });
  });
}

function choiceFrom(args: CommandArguments): JobChoice {
  const ids = args.texts("ids").map(parseJobId);
  const filter = jobFilter(args);
  const chosen = Object.keys(filter).filter((key) => key !== "limit");
  if (ids.length > 0) {
    if (Object.keys(filter).length > 0 || args.isSet("all")) {
      throw usageError("Give ids or flags that choose jobs, not both");
    }
    return { ids: [...new Set(ids)] };
  }
  if (chosen.length > 0 || args.isSet("all")) return { ...filter, all: args.isSet("all") };
  throw usageError(
    "Which jobs? Give ids, or choose them: --task, --state, --queue, --since",
    "--all means every one.",
  );
}

/** How long to wait; null = not at all. */
function waitFrom(args: CommandArguments): number | null {
  const text = args.text("wait-timeout");
  if (text === undefined) return args.isSet("wait") ? Number.POSITIVE_INFINITY : null;
  try {
    return parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  } catch {
    throw usageError(`--wait-timeout ${text}: expected a duration such as "30s" or "5m"`);
  }
}

function tellCount(ids: readonly string[], json: boolean): ExitCode {
  if (json) printJson({ jobs: ids.length, ids });
  say(`${countOf(ids.length)}; nothing was changed.`);
  return exitCodes.ok;
}

async function touchEach<Result extends string>(
  store: OpenStore,
  ids: readonly string[],
  { one }: JobOperation<Result>,
): Promise<TouchedJob[]> {
  const touched: TouchedJob[] = [];
  for (const id of ids) {
    try {
      touched.push({ id, state: await one(store, id) });
    } catch (error) {
      if (!(error instanceof TaskrunError)) throw error;
      touched.push({ id, state: null, error: error.message });
    }
  }
  return touched;
}

function isDone<Result extends string>(job: TouchedJob, { done }: JobOperation<Result>): boolean {
  return done.some((state) => state === job.state);
}

function tellResults<Result extends string>(
  touched: readonly TouchedJob[],
  { sentences }: JobOperation<Result>,
  json: boolean,
): void {
  if (json) printJson(touched);
  if (touched.length === 0) say("There are no such jobs.");
  const words: Readonly<Record<string, string>> = sentences;
  const sentenceOf = ({ state }: TouchedJob) => words[state ?? ""] ?? "is gone";
  if (touched.length <= mostNamed) {
    for (const job of touched) {
      if (job.error) sayError(job.error);
      else say(`Job ${job.id} ${sentenceOf(job)}.`);
    }
    return;
  }
  const counts = new Map<string, number>();
  for (const job of touched) {
    const sentence = job.error ?? sentenceOf(job);
    counts.set(sentence, (counts.get(sentence) ?? 0) + 1);
  }
  for (const [sentence, count] of counts) say(`${count}: ${sentence}`);
}

interface Waiting<Result extends string> {
  readonly touched: readonly TouchedJob[];
  readonly operation: JobOperation<Result>;
  readonly waitMs: number;
  readonly json: boolean;
}

async function waitForEnds<Result extends string>(
  { pool, schemas }: OpenStore,
  { touched, operation, waitMs, json }: Waiting<Result>,
): Promise<ExitCode> {
  const deadline = Date.now() + waitMs;
  const ends = new Map(touched.map((job) => [job.id, job]));
  const wanted = touched.filter((job) => isDone(job, operation) && job.state !== operation.goal);
  const open = new Set(wanted.map(({ id }) => id));
  for (;;) {
    const rows = await listJobs(pool, schemas, { ids: [...open], limit: open.size });
    const found = new Map(rows.map((row) => [row.id, row]));
    for (const id of open) {
      const row = found.get(id);
      if (row !== undefined && !endStates.has(row.state)) continue;
      open.delete(id);
      ends.set(id, { id, state: row?.state ?? "gone", error: row?.error ?? null });
    }
    if (open.size === 0 || Date.now() + betweenLooksMs > deadline) break;
    await sleep(betweenLooksMs);
  }
  const all = [...ends.values()];
  if (json) printJson(all);
  const counts = Map.groupBy(all, ({ id, state }) => (open.has(id) ? "not ended" : state));
  for (const [state, jobs] of counts) say(`${countOf(jobs.length)}: ${state ?? "refused"}`);
  if (open.size > 0) return exitCodes.temporary;
  return all.every(({ state }) => state === operation.goal) ? exitCodes.ok : exitCodes.failed;
}

function countOf(jobs: number): string {
  return jobs === 1 ? "1 job" : `${jobs} jobs`;
}
