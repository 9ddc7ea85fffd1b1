/** Which project a task belongs to, told by the files that led to its definition. */

import { existsSync } from "node:fs";
import path from "node:path";
import { loadConfig } from "../config/load-config.ts";
import { configFileNames } from "../config/read-config-file.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { nameAmong } from "./task-origin.ts";

export interface TaskPlace {
  /** The task's name in its project. */
  readonly name: string;
  readonly config: ResolvedConfig;
}

/**
 * The project that has one of the files in its tasks folder; null when none has. Some of the
 * files may be of other projects: a wrapper around `defineTask`, or whoever imported the task.
 *
 * @throws ConfigError
 */
export async function placeOf(files: readonly string[]): Promise<TaskPlace | null> {
  for (const folder of projectFolders(files)) {
    const { config } = await loadConfig({ folder, keepEnvironment: true });
    const name = nameAmong(files, config.tasks);
    if (name !== null) return { name, config };
  }
  return null;
}

/** The nearest folders above the files that have a config file, then those with a package.json. */
export function projectFolders(files: readonly string[]): string[] {
  const folders = [configFileNames, ["package.json"]].flatMap((names) =>
    files.map((file) => nearestAbove(file, names)),
  );
  return [...new Set(folders.filter((folder) => folder !== null))];
}

function nearestAbove(file: string, names: readonly string[]): string | null {
  let folder = path.dirname(file);
  while (!names.some((name) => existsSync(path.join(folder, name)))) {
    const above = path.dirname(folder);
    if (above === folder) return null;
    folder = above;
  }
  return folder;
}
