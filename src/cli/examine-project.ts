/** The doctor's look at this machine and this folder: Node, the configuration, the tasks. */

import type { LoadedConfig } from "../config/load-config.ts";
import { optionNames } from "../config/schema.ts";
import type { Catalog } from "../core/catalog.ts";
import { queueVersions, taskrunVersion } from "../runtime/version.ts";
import { shownPath } from "./describe-load-failure.ts";
import type { Finding } from "./finding.ts";
import { loadCrontab } from "./load-crontab.ts";
import { loadTasks } from "./load-tasks.ts";

export async function examineProject(loaded: LoadedConfig): Promise<Finding[]> {
  const ok = { status: "ok", fix: null } as const;
  return [
    { ...ok, name: "taskrun", detail: taskrunVersion },
    // The start of the command refuses a Node that is too old.
    { ...ok, name: "node", detail: `${process.versions.node} (${process.execPath})` },
    examineQueueVersion(),
    { ...ok, name: "configuration", detail: describeSources(loaded) },
    ...(await examineTasks(loaded)),
  ];
}

function examineQueueVersion(): Finding {
  const name = "graphile-worker";
  const { expected, installed } = queueVersions();
  if (installed === expected) return { name, status: "ok", detail: installed, fix: null };
  const detail = `${installed ?? "not"} is installed; this taskrun is made for ${expected}`;
  return { name, status: "warn", detail, fix: `npm install graphile-worker@${expected}` };
}

function describeSources({ config, sources }: LoadedConfig): string {
  const file = config.configFile === null ? "no config file" : shownPath(config.configFile);
  const set = optionNames
    .filter((name) => sources[name] !== "default")
    .map((name) => `${name} from ${sources[name]}`);
  return set.length === 0
    ? `${file}; every option is at its default`
    : `${file}; ${set.join(", ")}`;
}

async function examineTasks({ config }: LoadedConfig): Promise<Finding[]> {
  const catalog = await loadTasks(config);
  const { tasks, failures } = catalog;
  const folder: Finding =
    tasks.size > 0
      ? { name: "tasks", status: "ok", detail: `${tasks.size} in ${config.tasks}`, fix: null }
      : {
          name: "tasks",
          status: "warn",
          detail: `none in ${config.tasks}`,
          fix: "Put a file there that exports a task, or name another folder with --tasks.",
        };
  const broken = failures.map((failure): Finding => {
    const place = `${shownPath(failure.file)}:${failure.line ?? 1}:${failure.column ?? 1}`;
    return {
      name: "task file",
      status: "fail",
      detail: `${place}: ${failure.reason}`,
      fix: failure.fix,
    };
  });
  return [folder, ...broken, ...(await examineCrontab(config, catalog))];
}

async function examineCrontab(
  config: LoadedConfig["config"],
  catalog: Catalog,
): Promise<Finding[]> {
  const { items, failures } = await loadCrontab(config, catalog);
  const file = shownPath(config.crontab === false ? "crontab" : config.crontab);
  const detail = items.length === 1 ? "1 line runs" : `${items.length} lines run`;
  const broken = failures.map(
    ({ line, column, reason, fix }): Finding => ({
      name: "crontab",
      status: "fail",
      detail: `${file}:${line}:${column}: ${reason}`,
      fix,
    }),
  );
  if (items.length === 0) return broken;
  return [{ name: "crontab", status: "ok", detail, fix: null }, ...broken];
}
