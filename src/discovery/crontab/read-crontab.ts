/** Reads the crontab's file. No file says as much as an empty one. */

import { readFile } from "node:fs/promises";
import { TaskrunError } from "../../core/errors.ts";

/**
 * @param file false when the crontab is turned off
 * @throws TaskrunError `bad-config` when there is a file that can't be read
 */
export async function readCrontab(file: string | false): Promise<string> {
  if (file === false) return "";
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown error";
    if (code === "ENOENT") return "";
    const what = `the crontab ${file} can't be read (${String(code)})`;
    throw new TaskrunError("bad-config", what, {
      nextStep: "Make it a readable file, or set the option crontab to false.",
      cause: error,
    });
  }
}
