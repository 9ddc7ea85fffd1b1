/** Reads and writes the small JSON files beside a cluster. They hold secrets: mode 0600. */

import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { hasCode } from "./has-code.ts";

/**
 * The file's value when it is an object; null when the file is missing or isn't JSON.
 *
 * @throws the file system's error when the file is there but can't be read.
 */
export async function readJsonFile(path: string): Promise<Record<string, unknown> | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    return { ...value };
  } catch {
    return null;
  }
}

/** Replaces the file in one step, so that a reader sees the old or the new value whole. */
export async function writeJsonFile(path: string, value: object): Promise<void> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}
