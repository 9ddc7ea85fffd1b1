/** From a job's payload to the key that its task's limit counts it under. */

import { createHash } from "node:crypto";
import type { Limit } from "../../core/task.ts";

// What an index of Postgres takes is shorter than what a payload may hold.
const longestKey = 500;

/** Jobs whose key can't be told share this one: they are held to the limit, and none is stuck. */
export const unknownLimitKey = "(unknown)";

/**
 * Null = not limited.
 *
 * @throws what the task's function throws, and a TypeError when it returns no key
 */
export function limitKey(limit: Limit, payload: unknown): string | null {
  const key: unknown = limit.key(payload);
  if (key === undefined || key === null) return null;
  if (typeof key === "object" || typeof key === "function" || typeof key === "symbol") {
    throw new TypeError(`limit.key returned ${typeof key === "object" ? "an" : "a"} ${typeof key}`);
  }
  const text = String(key).toWellFormed().replaceAll("\0", "");
  if (text.length <= longestKey) return text;
  return `${text.slice(0, 400)}…${createHash("sha256").update(text).digest("hex")}`;
}
