/** `taskrun types`: writes taskrun-env.d.ts, by which the compiler knows the tasks. */

import { loadConfig } from "../../config/load-config.ts";
import { writeTaskTypes } from "../../dev/write-task-types.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { describeLoadFailure, shownPath } from "../describe-load-failure.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { loadTasks } from "../load-tasks.ts";
import { printJson, say } from "../output.ts";

export async function types(args: CommandArguments): Promise<ExitCode> {
  const { config } = await loadConfig(args.forConfig());
  const catalog = await loadTasks(config);
  for (const failure of catalog.failures) say(describeLoadFailure(failure));
  const write = !args.isSet("check");
  const { file, changed, taskCount } = await writeTaskTypes({
    projectDir: config.projectDir,
    catalog,
    write,
  });
  const path = shownPath(file);
  if (args.isSet("json")) printJson({ file: path, changed, tasks: taskCount });
  const tasks = taskCount === 1 ? "1 task" : `${taskCount} tasks`;
  if (!changed) say(`${path} is up to date: ${tasks}.`);
  else if (write) say(`Wrote ${path}: ${tasks}.`);
  else say(`${path} is out of date: run \`taskrun types\`.`);
  return changed && !write ? exitCodes.failed : exitCodes.ok;
}
