/**
 * The clients that `task.enqueue()` uses: one per project and process, made when first needed.
 * Nobody closes them; they keep one idle connection and no process alive.
 */

import { processWide } from "../core/process-wide.ts";
import { createClient, type TaskrunClient } from "./create-client.ts";
import { placeOf } from "./project-folder.ts";
import { originFiles } from "./task-origin.ts";

interface DefaultClients {
  readonly byProject: Map<string, TaskrunClient>;
  readonly byTask: WeakMap<object, TaskrunClient>;
}

/**
 * The client of the project that `task` was defined in; that of the current folder when the task
 * is of none.
 *
 * @throws ConfigError
 */
export async function defaultClient(task: object): Promise<TaskrunClient> {
  const { byProject, byTask } = processWide<DefaultClients>("default-clients", () => ({
    byProject: new Map(),
    byTask: new WeakMap(),
  }));
  const known = byTask.get(task);
  if (known !== undefined) return known;
  const project = (await placeOf(originFiles(task)))?.config.projectDir ?? process.cwd();
  const client = byProject.get(project) ?? createClient({ project });
  byProject.set(project, client);
  byTask.set(task, client);
  return client;
}
