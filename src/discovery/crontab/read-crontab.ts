/** Reads the crontab's file. No file says as much as an empty one. */

import { readFile } from "node:fs/promises";

/**
 * @param file false when the crontab is turned off
 * @throws what the file system throws when there is a file that can't be read
 */
export async function readCrontab(file: string | false): Promise<string> {
  if (file === false) return "";
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
