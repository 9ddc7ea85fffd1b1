/** `taskrun check`: loads everything that a start would load, and names each fault. */

import { ConfigError, type ConfigProblem, describeProblem } from "../../config/config-error.ts";
import { type LoadedConfig, loadConfig } from "../../config/load-config.ts";
import type { LoadFailure } from "../../core/catalog.ts";
import type { CrontabFailure } from "../../core/crontab.ts";
import { checkQueuedJobs } from "../check-queued-jobs.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { shownPath } from "../describe-load-failure.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { loadCrontab } from "../load-crontab.ts";
import { loadTasks } from "../load-tasks.ts";
import { print, printJson, say } from "../output.ts";

interface Fault {
  readonly code: string;
  /** Relative to the current folder; a flag's or variable's name when no file is at fault. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly task: string | null;
  readonly reason: string;
  readonly fix: string | null;
  readonly frame: string | null;
}

export async function check(args: CommandArguments): Promise<ExitCode> {
  if (args.isSet("queued")) return checkQueuedJobs(args);
  const { faults, taskCount, lineCount } = await findFaults(args);
  if (args.isSet("json")) printJson(faults);
  else for (const fault of faults) print(describe(fault));
  if (faults.length > 0) {
    say(faults.length === 1 ? "1 fault" : `${faults.length} faults`);
    return exitCodes.failed;
  }
  const tasks = taskCount === 1 ? "1 task" : `${taskCount} tasks`;
  const lines = lineCount === 1 ? "1 line" : `${lineCount} lines`;
  const crontab = lineCount === 0 ? "" : `, ${lines} of the crontab`;
  say(`No faults: the configuration, ${tasks}${crontab}.`);
  return exitCodes.ok;
}

interface Found {
  readonly faults: readonly Fault[];
  readonly taskCount: number;
  readonly lineCount: number;
}

async function findFaults(args: CommandArguments): Promise<Found> {
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig(args.forConfig());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { faults: error.problems.map(fromConfig), taskCount: 0, lineCount: 0 };
  }
  const { config } = loaded;
  const catalog = await loadTasks(config);
  const { failures, items } = await loadCrontab(config, catalog);
  const faults = [
    ...catalog.failures.map(fromTask),
    ...failures.map((failure) => fromCrontab(config.crontab, failure)),
  ];
  return { faults, taskCount: catalog.tasks.size, lineCount: items.length };
}

function fromConfig(problem: ConfigProblem): Fault {
  return {
    code: "config",
    file: problem.file === null ? problem.where : shownPath(problem.file),
    line: problem.line ?? 1,
    column: problem.column ?? 1,
    task: null,
    reason: describeProblem(problem),
    fix: problem.fix,
    frame: null,
  };
}

function fromTask(failure: LoadFailure): Fault {
  return {
    code: failure.code,
    file: shownPath(failure.file),
    line: failure.line ?? 1,
    column: failure.column ?? 1,
    task: failure.task,
    reason: failure.reason,
    fix: failure.fix,
    frame: failure.frame,
  };
}

function fromCrontab(file: string | false, failure: CrontabFailure): Fault {
  const { line, column, task, reason, fix, frame } = failure;
  const shown = shownPath(file === false ? "crontab" : file);
  return { code: "crontab", file: shown, line, column, task, reason, fix, frame: frame || null };
}

function describe(fault: Fault): string {
  const details = [fault.frame, fault.fix].filter((text) => text !== null);
  const indented = details.flatMap((text) => text.split("\n")).map((line) => `  ${line}`);
  return [`${fault.file}:${fault.line}:${fault.column}: ${fault.reason}`, ...indented].join("\n");
}
