/** `taskrun check --queued`: would the jobs that wait in the queue fit the code on disk? */

import { loadConfig } from "../config/load-config.ts";
import type { Catalog } from "../core/catalog.ts";
import {
  type CheckedTask,
  checkQueued,
  type JobGroup,
} from "../runtime/enqueueing/check-queued.ts";
import { taskFinder } from "../runtime/enqueueing/enqueue.ts";
import { queuedPayloads } from "../store/queue/queued-payloads.ts";
import type { CommandArguments } from "./command-arguments.ts";
import { shownPath } from "./describe-load-failure.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { loadTasks } from "./load-tasks.ts";
import { print, printJson, say } from "./output.ts";
import { withStore } from "./with-store.ts";

export async function checkQueuedJobs(args: CommandArguments): Promise<ExitCode> {
  const { config } = await loadConfig(args.forConfig());
  const catalog = await loadTasks(config);
  return withStore(config, { migrate: false }, async ({ pool, schemas }) => {
    const report = await checkQueued(queuedPayloads(pool, schemas), taskFinder(catalog));
    if (args.isSet("json")) printJson(report);
    else {
      for (const task of report.tasks) for (const line of failuresOf(task)) print(line);
      for (const group of report.unknown) print(missing(group, catalog));
    }
    const known = report.jobs - report.unknown.reduce((sum, { jobs }) => sum + jobs, 0);
    say(
      report.failing === 0
        ? `No faults: ${plural(known, "queued payload fits", "queued payloads fit")} the tasks.`
        : `${report.failing} of ${plural(known, "queued payload", "queued payloads")} would fail`,
    );
    return report.failing === 0 ? exitCodes.ok : exitCodes.failed;
  });
}

function failuresOf({ task, jobs: all, places }: CheckedTask): string[] {
  return places.map(({ path, message, jobs, ids }) => {
    const payloads = `${jobs} of ${all} pending ${task} payload${all === 1 ? "" : "s"}`;
    return `${payloads} would fail at ${path}: ${message} (${jobList(jobs, ids)})`;
  });
}

function missing({ task, jobs, ids }: JobGroup, { failures }: Catalog): string {
  const failure = failures.find((each) => each.task === task);
  const why =
    failure === undefined
      ? `no task file has "${task}"`
      : `${shownPath(failure.file)} can't be loaded`;
  return `${why}: ${plural(jobs, "queued job", "queued jobs")} not checked (${jobList(jobs, ids)})`;
}

function jobList(jobs: number, ids: readonly string[]): string {
  const more = jobs > ids.length ? ", …" : "";
  return `${jobs === 1 ? "job" : "jobs"} ${ids.join(", ")}${more}`;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
