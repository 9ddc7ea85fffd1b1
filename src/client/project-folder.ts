/** Which project a file belongs to, told by what lies in the folders above it. */

import { existsSync } from "node:fs";
import path from "node:path";
import { configFileNames } from "../config/read-config-file.ts";

/**
 * The nearest folder above one of the files that has a config file, else the nearest with a
 * package.json, else the current one.
 */
export function projectFolder(files: readonly string[]): string {
  for (const names of [configFileNames, ["package.json"]]) {
    for (const file of files) {
      const found = nearestAbove(file, names);
      if (found !== null) return found;
    }
  }
  return path.resolve(".");
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
