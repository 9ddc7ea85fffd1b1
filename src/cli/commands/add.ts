/**
 * `taskrun add`: puts a job into the queue, checked against the tasks folder when there is one,
 * and waits for its end when asked to.
 */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { Catalog } from "../../core/catalog.ts";
import { closestName } from "../../core/closest-name.ts";
import { parseDuration } from "../../core/duration.ts";
import {
  type EnqueueOptions,
  type JobState,
  type Json,
  type Priority,
  priorityNumbers,
} from "../../core/job.ts";
import type { JobRetry } from "../../core/retry-policy.ts";
import { createEnqueuer, taskFinder } from "../../runtime/enqueueing/enqueue.ts";
import { getJobEnd, type JobEnd } from "../../store/jobs.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { loadTasks } from "../load-tasks.ts";
import { print, printJson, say, sayWarning } from "../output.ts";
import { type OpenStore, withStore } from "../with-store.ts";

const endStates: ReadonlySet<JobState> = new Set(["completed", "failed", "cancelled"]);

/** Between two looks at a job that is waited for. */
const betweenLooksMs = 200;

export async function add(args: CommandArguments): Promise<ExitCode> {
  const task = args.required("task");
  const payload = await readPayload(args.text("payload"));
  const options = enqueueOptions(args);
  const waitMs = durationFrom(args, "wait-timeout");
  const { config } = await loadConfig(args.forConfig());
  const catalog = await catalogOf(config);
  if (catalog !== null) checkName(task, catalog, config, args.isSet("force"));
  return withStore(config, { migrate: true }, async (store) => {
    const findTask = catalog === null ? () => undefined : taskFinder(catalog);
    const enqueuer = createEnqueuer({ db: store.pool, schemas: store.schemas, findTask });
    const { id } = await enqueuer.enqueue(task, payload, options);
    if (args.isSet("wait")) return waitAndTell(store, id, waitMs, args.isSet("json"));
    say(`Added job ${id} of ${task}.`);
    if (args.isSet("json")) printJson({ id, task });
    else print(id);
    return exitCodes.ok;
  });
}

/** Null where the project's tasks are not at hand: then the queue takes any name. */
async function catalogOf(config: ResolvedConfig): Promise<Catalog | null> {
  return existsSync(config.tasks) ? loadTasks(config) : null;
}

function checkName(task: string, catalog: Catalog, config: ResolvedConfig, force: boolean): void {
  if (taskFinder(catalog)(task) !== undefined) return;
  const failure = catalog.failures.find((one) => one.task === task);
  if (failure !== undefined) {
    sayWarning(`${failure.file} can't be loaded, so the payload was not checked`);
    return;
  }
  if (force) return;
  const names = [...catalog.tasks.values()].flatMap((known) => [known.name, ...known.aliases]);
  const meant = closestName(task, names);
  throw usageError(
    `There is no task ${task} in ${config.tasks}.`,
    meant === null ? "`--force` adds it all the same." : `Did you mean ${meant}? (or --force)`,
  );
}

/** JSON text, `@file`, or `-` for standard input; nothing is `{}`. */
async function readPayload(argument: string | undefined): Promise<unknown> {
  if (argument === undefined) return {};
  if (argument === "@-") return parseJson(await readAll(process.stdin), "standard input");
  if (!argument.startsWith("@")) return parseJson(argument, "the payload");
  const file = argument.slice(1);
  const content = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw usageError(`${file} can't be read (${error.code})`);
  });
  return parseJson(content, file);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageError(`${where} is not JSON: ${reason}`, `Such as: '{"to":"a@b.co"}'`);
  }
}

function enqueueOptions(args: CommandArguments): EnqueueOptions {
  const delay = durationFrom(args, "delay");
  const runAt = args.text("run-at");
  if (delay !== undefined && runAt !== undefined) throw usageError("Give --delay or --run-at.");
  const options: EnqueueOptions = {};
  if (delay !== undefined) options.delay = delay;
  if (runAt !== undefined) options.runAt = momentFrom(runAt);
  const priority = args.text("priority");
  if (priority !== undefined) options.priority = priorityFrom(priority);
  const maxAttempts = args.wholeNumber("max-attempts", { min: 1, max: 32_767 });
  if (maxAttempts !== undefined) options.maxAttempts = maxAttempts;
  Object.assign(options, ownPolicies(args));
  const keyMode = args.text("key-mode");
  if (keyMode !== undefined) options.keyMode = keyModeFrom(keyMode);
  const metadata = args.text("metadata");
  if (metadata !== undefined) options.metadata = metadataFrom(metadata);
  const texts = {
    queue: args.text("queue"),
    key: args.text("key"),
    correlationId: args.text("correlation-id"),
    createdBy: args.text("created-by"),
  };
  for (const [name, value] of Object.entries(texts)) {
    if (value !== undefined) Object.assign(options, { [name]: value });
  }
  return options;
}

/** What these have to be is said where they are queued. */
function ownPolicies(args: CommandArguments): EnqueueOptions {
  const options: EnqueueOptions = {};
  const retry = args.text("retry");
  // why: the enqueuer takes nothing but a right policy
  if (retry !== undefined) options.retry = parseJson(retry, "--retry") as JobRetry;
  const noTimeout = ["none", "false"].includes(args.text("timeout") ?? "");
  const timeout = noTimeout ? false : durationFrom(args, "timeout", ", or none");
  if (timeout !== undefined) options.timeout = timeout;
  const after = args.text("after");
  if (after !== undefined) options.after = after.split(",").map((id) => id.trim());
  const rule = args.text("on-parent-failure");
  // why: the enqueuer takes nothing but a known rule
  if (rule !== undefined) options.onParentFailure = rule as "cancel";
  return options;
}

/** @param orElse what else the flag takes, for the error */
function durationFrom(args: CommandArguments, name: string, orElse = ""): number | undefined {
  const text = args.text(name);
  if (text === undefined) return undefined;
  try {
    return parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  } catch {
    throw usageError(`--${name} ${text}: expected a duration such as "30s" or "5m"${orElse}`);
  }
}

function momentFrom(text: string): Date {
  const moment = new Date(text);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw usageError(`--run-at ${text}: expected a moment such as 2030-01-31T08:00:00Z`);
}

function priorityFrom(text: string): Priority {
  // why: Object.keys loses the key type
  const names = Object.keys(priorityNumbers) as (keyof typeof priorityNumbers)[];
  const name = names.find((known) => known === text);
  if (name !== undefined) return name;
  const number = /^[+-]?\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= -32_768 && number <= 32_767) return number;
  throw usageError(
    `--priority ${text}: expected ${names.join(", ")} or a whole number from -32768 to 32767`,
  );
}

function keyModeFrom(text: string): NonNullable<EnqueueOptions["keyMode"]> {
  const modes = ["replace", "preserve_run_at", "unsafe_dedupe"] as const;
  const mode = modes.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw usageError(`--key-mode ${text}: expected ${modes.join(", ")}`);
}

function metadataFrom(text: string): Record<string, Json> {
  const value = parseJson(text, "--metadata");
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, Json>; // why: JSON.parse makes nothing but JSON
  }
  throw usageError(`--metadata ${text}: expected a JSON object`);
}

async function waitAndTell(
  { pool, schemas }: OpenStore,
  id: string,
  waitMs: number | undefined,
  json: boolean,
): Promise<ExitCode> {
  const deadline = waitMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + waitMs;
  say(`Waiting for job ${id}; a running taskrun has to do it.`);
  for (;;) {
    const job = await getJobEnd(pool, schemas, id);
    if (job === null) throw new CliError(exitCodes.failed, `Job ${id} is gone: it was removed.`);
    if (endStates.has(job.state)) return tellEnd(id, job, json);
    if (Date.now() + betweenLooksMs > deadline) {
      tellEnd(id, job, json);
      return exitCodes.temporary;
    }
    await sleep(betweenLooksMs);
  }
}

function tellEnd(id: string, job: JobEnd, json: boolean): ExitCode {
  const { task, state, output, error, attempts } = job;
  if (json) printJson({ id, task, state, output, error, attempts });
  else if (state === "completed") print(JSON.stringify(output ?? null));
  say(`Job ${id} is ${state}${error === null ? "." : `: ${error}`}`);
  return state === "completed" ? exitCodes.ok : exitCodes.failed;
}
