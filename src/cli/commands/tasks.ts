/** `taskrun tasks`: what is in the tasks folder, with every setting and who set it. */

import path from "node:path";
import { type LoadedConfig, loadConfig } from "../../config/load-config.ts";
import type { Catalog } from "../../core/catalog.ts";
import { formatDuration, parseDuration } from "../../core/duration.ts";
import type { Task, TaskPolicies } from "../../core/task.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { describeLoadFailure } from "../describe-load-failure.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { loadTasks } from "../load-tasks.ts";
import { colour, print, printJson, printTable, say } from "../output.ts";

export async function tasks(args: CommandArguments): Promise<ExitCode> {
  const { config } = await loadConfig(args.forConfig());
  const catalog = await loadTasks(config);
  if (catalog.tasks.size === 0) say(`There are no tasks in ${config.tasks}.`);
  if (args.isSet("json")) {
    printJson([...catalog.tasks.values()].map((task) => taskJson(task, config)));
  } else if (args.isSet("tree")) {
    printTree(catalog, config);
  } else if (catalog.tasks.size > 0) {
    printList(catalog, config);
  }
  for (const failure of catalog.failures) say(describeLoadFailure(failure));
  return exitCodes.ok;
}

type Config = LoadedConfig["config"];

function taskJson(task: Task, config: Config) {
  return {
    name: task.name,
    file: path.relative(config.projectDir, task.file),
    version: task.version,
    description: task.description,
    aliases: task.aliases,
    payload_schema: task.payloadSchema !== null,
    output_schema: task.outputSchema !== null,
    policies: Object.fromEntries(
      Object.entries(task.policies).map(([name, value]) => [name, plain(value)]),
    ),
    sources: task.sources,
  };
}

function plain(value: unknown): unknown {
  return typeof value === "function" ? "function" : value;
}

function printList(catalog: Catalog, config: Config): void {
  const rows = [...catalog.tasks.values()].map((task) => [
    task.name,
    path.relative(config.projectDir, task.file),
    task.description ?? "",
  ]);
  printTable(["task", "file", "description"], rows);
}

function printTree(catalog: Catalog, config: Config): void {
  let folder: string | null = null;
  for (const task of catalog.tasks.values()) {
    const ofTask = path.dirname(path.relative(config.projectDir, task.file));
    if (ofTask !== folder) print(`${ofTask}${path.sep}`);
    folder = ofTask;
    print(`  ${colour("bold", path.basename(task.file), process.stdout)}  ${task.name}`);
    for (const [label, setting, source] of settingsOf(task)) {
      const origin = colour("dim", source, process.stdout);
      print(`    ${label.padEnd(12)}  ${setting.padEnd(46)}  ${origin}`);
    }
  }
}

function settingsOf(task: Task): [label: string, setting: string, source: string][] {
  const { policies, sources } = task;
  const queue = typeof policies.queue === "function" ? "by payload" : (policies.queue ?? "none");
  const timeout = policies.timeoutMs === false ? "none" : formatDuration(policies.timeoutMs);
  return [
    ["retry", describeRetry(policies.retry), sources.retry],
    ["attempts", String(policies.maxAttempts), sources.maxAttempts],
    ["timeout", timeout, sources.timeoutMs],
    ["priority", String(policies.priority), sources.priority],
    ["queue", queue, sources.queue],
    ["concurrency", orNone(policies.concurrency), sources.concurrency],
    ["limit", describeLimit(policies.limit), sources.limit],
    ["breaker", describeBreaker(policies.breaker), sources.breaker],
    ["retain", describeRetain(policies.retain), sources.retain],
    ["redact", policies.redact.join(", ") || "nothing", sources.redact],
    ["isolate", describeIsolation(policies.isolate), sources.isolate],
    ["classify", policies.classify === null ? "by the table" : "a function", sources.classify],
  ];
}

function describeIsolation(isolate: TaskPolicies["isolate"]): string {
  if (isolate === null) return "no";
  return isolate.memoryMb === null ? isolate.kind : `${isolate.kind}, ${isolate.memoryMb} MB`;
}

function orNone(value: number | null): string {
  return value === null ? "none" : String(value);
}

function describeLimit(limit: TaskPolicies["limit"]): string {
  if (limit === null) return "none";
  const { concurrency, rate } = limit;
  const atOnce = concurrency === null ? "" : `, ${concurrency} at once`;
  const inTime = rate === null ? "" : `, ${rate.max} in ${formatDuration(rate.perMs)}`;
  return `by key${atOnce}${inTime}`;
}

function describeBreaker(breaker: TaskPolicies["breaker"]): string {
  if (breaker === null) return "none";
  const { failures, successes, openForMs } = breaker;
  return `${failures} failures, ${successes} successes, open for ${formatDuration(openForMs)}`;
}

function describeRetain({ completedMs, cancelledMs, failedMs }: TaskPolicies["retain"]): string {
  const show = (ms: number | null): string => {
    if (ms === null) return "for ever";
    return ms === 0 ? "not at all" : formatDuration(ms);
  };
  const each = [show(completedMs), show(cancelledMs), show(failedMs)] as const;
  if (new Set(each).size === 1) return each[0];
  return `completed ${each[0]}, cancelled ${each[1]}, failed ${each[2]}`;
}

function describeRetry(retry: TaskPolicies["retry"]): string {
  if (typeof retry === "function") return "a function";
  const show = (value: string | number) => formatDuration(parseDuration(value));
  const base = show(retry.baseDelay);
  const growth = {
    exponential: `${base}, ×${retry.factor} each time`,
    linear: `${base}, +${show(retry.increment ?? retry.baseDelay)} each time`,
    fixed: base,
  }[retry.strategy];
  return `${growth}, at most ${show(retry.maxDelay)}, ±${Math.round(retry.jitter * 100)} %`;
}
