/**
 * From a project's configuration to the loader of its tasks: what every process, command and
 * client that doesn't watch files loads with. Watch mode has loaders of its own, for the same
 * layers.
 */

import path from "node:path";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { TaskLoader } from "../core/catalog.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import { NativeLoader, type NativeLoaderOptions } from "../discovery/native-loader.ts";
import { WarmLoader } from "./warm-start/warm-loader.ts";

/** One task instead of all, and whether an import may hold up the process. */
export type TaskSelection = Pick<NativeLoaderOptions, "only" | "exported" | "watchdog">;

export function createProjectLoader(
  config: ResolvedConfig,
  selection: TaskSelection = {},
): TaskLoader {
  const { projectDir, tasks: tasksDir, importTimeoutMs } = config;
  const layers = configLayers(config);
  return new NativeLoader({ projectDir, tasksDir, importTimeoutMs, layers, ...selection });
}

/** For a process that runs jobs: what the last start has found out is not asked again. */
export function createWarmLoader(config: ResolvedConfig, environment: string): TaskLoader {
  const { projectDir, tasks: tasksDir, importTimeoutMs, dataDir } = config;
  return new WarmLoader({
    projectDir,
    tasksDir,
    importTimeoutMs,
    layers: configLayers(config),
    watchdog: true,
    manifestFile: path.join(dataDir, "start", "tasks.json"),
    environment,
  });
}

/** The layers around every task, outermost first: each plugin, then the config file. */
export function configLayers(config: ResolvedConfig): readonly TaskLayer[] {
  const { projectDir, configFile, defaults, middleware, plugins } = config;
  const source = configFile === null ? "worker.config.ts" : path.relative(projectDir, configFile);
  const ofPlugins = plugins.map((plugin) => ({
    source: `plugin ${plugin.name}`,
    defaults: {},
    middleware: plugin.middleware ?? [],
  }));
  return [...ofPlugins, { source, defaults, middleware }];
}
