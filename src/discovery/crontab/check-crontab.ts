/** Compares a crontab with the tasks: each line must name one, with a payload that it takes. */

import type { Catalog } from "../../core/catalog.ts";
import { closestName } from "../../core/closest-name.ts";
import type { CronItem, CrontabFailure, ParsedCrontab } from "../../core/crontab.ts";
import { formatIssues, type SchemaIssues } from "../../core/schema-issues.ts";
import type { Task } from "../../core/task.ts";
import { codeFrame } from "../code-frame.ts";
import type { LineFault } from "./line-fault.ts";

/** The same crontab with the lines moved to `failures` that these tasks can't run. */
export async function checkCrontab(
  crontab: ParsedCrontab,
  catalog: Catalog,
): Promise<ParsedCrontab> {
  const tasks = new Map<string, Task>();
  for (const task of catalog.tasks.values()) {
    for (const name of [...task.aliases, task.name]) tasks.set(name, task);
  }
  const items: CronItem[] = [];
  const failures: CrontabFailure[] = [...crontab.failures];
  for (const item of crontab.items) {
    const task = tasks.get(item.task);
    const checked =
      task === undefined
        ? unknownTask(item, catalog, tasks.keys())
        : await checkPayload(item, task);
    if ("identifier" in checked) {
      items.push(checked);
      continue;
    }
    const { line } = item;
    const frame = codeFrame(crontab.text, { line, column: checked.column });
    failures.push({ ...checked, line, task: item.task, frame });
  }
  failures.sort((a, b) => a.line - b.line || a.column - b.column);
  return { text: crontab.text, items, failures };
}

function unknownTask(item: CronItem, catalog: Catalog, names: Iterable<string>): LineFault {
  const { task, taskColumn: column } = item;
  const broken = catalog.failures.find((failure) => failure.task === task);
  if (broken !== undefined) {
    return { column, reason: `the task ${task} can't be loaded`, fix: `Mend ${broken.file}.` };
  }
  const meant = closestName(task, names);
  return {
    column,
    reason: `there is no task ${task}`,
    fix:
      meant === null ? "Use the name of a file under the tasks folder." : `Did you mean ${meant}?`,
  };
}

/**
 * A schema that allows nothing beside its own properties refuses graphile-worker's `_cron`; the
 * line is right all the same, and its jobs go without.
 */
async function checkPayload(item: CronItem, task: Task): Promise<CronItem | LineFault> {
  const _cron = { ts: new Date(0).toISOString(), backfilled: false };
  try {
    const withCron = await issuesOf(task, { ...item.payload, _cron });
    if (withCron === null) return { ...item, addsCron: true };
    const without = await issuesOf(task, { ...item.payload });
    if (without === null) return { ...item, addsCron: false };
    const where = formatIssues(without);
    return {
      column: item.payloadColumn,
      reason: `the payload breaks the schema of ${task.name} at ${where}`,
      fix: "Correct the payload.",
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      column: item.payloadColumn,
      reason: `the schema of ${task.name} threw: ${message}`,
      fix: `Mend the schema in ${task.file}.`,
    };
  }
}

async function issuesOf(task: Task, payload: unknown): Promise<SchemaIssues | null> {
  return (await task.payloadSchema?.["~standard"].validate(payload))?.issues ?? null;
}
