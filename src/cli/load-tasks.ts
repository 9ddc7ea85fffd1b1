/** From the configuration to the tasks on disk, for commands that look and end. */

import path from "node:path";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog, TaskLoader } from "../core/catalog.ts";
import { NativeLoader } from "../discovery/native-loader.ts";

export async function loadTasks(config: ResolvedConfig): Promise<Catalog> {
  const loader = createLoader(config);
  try {
    return await loader.load();
  } finally {
    await loader.close();
  }
}

/** The config file is the outermost layer of every task. */
export function createLoader(config: ResolvedConfig): TaskLoader {
  const { projectDir, tasks, importTimeoutMs, configFile, defaults, middleware } = config;
  const source = configFile === null ? "worker.config.ts" : path.relative(projectDir, configFile);
  return new NativeLoader({
    projectDir,
    tasksDir: tasks,
    importTimeoutMs,
    layers: [{ source, defaults, middleware }],
  });
}
