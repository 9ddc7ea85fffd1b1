/** From the configuration to the tasks on disk, for commands that look and end. */

import path from "node:path";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Catalog, TaskLoader } from "../core/catalog.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import { NativeLoader } from "../discovery/native-loader.ts";

export async function loadTasks(config: ResolvedConfig): Promise<Catalog> {
  const loader = createLoader(config);
  try {
    return await loader.load();
  } finally {
    await loader.close();
  }
}

export function createLoader(config: ResolvedConfig): TaskLoader {
  const { projectDir, tasks: tasksDir, importTimeoutMs } = config;
  return new NativeLoader({ projectDir, tasksDir, importTimeoutMs, layers: configLayers(config) });
}

/** The config file is the outermost layer of every task. */
export function configLayers(config: ResolvedConfig): readonly TaskLayer[] {
  const { projectDir, configFile, defaults, middleware } = config;
  const source = configFile === null ? "worker.config.ts" : path.relative(projectDir, configFile);
  return [{ source, defaults, middleware }];
}
