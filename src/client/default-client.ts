/**
 * The clients that `task.enqueue()` uses: one per project and process, made when first needed.
 * Nobody closes them; they keep one idle connection and no process alive.
 */

import { processWide } from "../core/process-wide.ts";
import { createClient, type TaskrunClient } from "./create-client.ts";
import { projectFolder } from "./project-folder.ts";
import { originFiles } from "./task-origin.ts";

/** The client of the project that `task` was defined in. */
export function defaultClient(task: object): TaskrunClient {
  const clients = processWide("default-clients", () => new Map<string, TaskrunClient>());
  const project = projectFolder(originFiles(task));
  let client = clients.get(project);
  if (client === undefined) {
    client = createClient({ project });
    clients.set(project, client);
  }
  return client;
}
