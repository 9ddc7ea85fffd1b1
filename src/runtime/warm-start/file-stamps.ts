/**
 * Whether files are what they were: what the file system says of each, and a hash of its content
 * for when that has changed alone, as after a checkout. Owns the rule for files that change while
 * they are looked at; a file that is missing, and still is, is the same.
 */

import { createHash } from "node:crypto";
import { readFileSync, type Stats, statSync } from "node:fs";

export interface FileStamp {
  /** Absolute. */
  readonly path: string;
  /** Null = there was none. */
  readonly found: FoundFile | null;
}

export interface FoundFile {
  /** Size, times, inode. */
  readonly look: string;
  readonly hash: string;
}

/** The clock of a file system ticks now and then, and some know seconds only. */
const tickMs = 20;
const coarseTickMs = 2_000;

/**
 * Null for a file that may have changed since `sinceMs` (epoch): then nobody knows which of its
 * contents was used. Also for what can't be read, but for what isn't there.
 */
export function stampFile(path: string, sinceMs: number): FileStamp | null {
  try {
    const content = readOrNull(path);
    if (content === null) return { path, found: null };
    // After the reading: a write in between shows.
    const stats = statSync(path);
    return isOlderThan(stats, sinceMs)
      ? { path, found: { look: lookOf(stats), hash: hashOf(content) } }
      : null;
  } catch {
    return null;
  }
}

/** "touched": its content is the same, though the file system's word of it isn't. */
export function compareFile({ path, found }: FileStamp): "same" | "touched" | "changed" {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return found === null ? "same" : "changed";
    if (found === null) return "changed";
    if (lookOf(stats) === found.look) return "same";
    return hashOf(readFileSync(path)) === found.hash ? "touched" : "changed";
  } catch {
    return "changed";
  }
}

function isOlderThan({ ctimeMs, mtimeMs }: Stats, sinceMs: number): boolean {
  const newestMs = Math.max(ctimeMs, mtimeMs);
  return newestMs < sinceMs - (newestMs % 1000 === 0 ? coarseTickMs : tickMs);
}

function lookOf({ size, mtimeMs, ctimeMs, ino }: Stats): string {
  return `${size} ${mtimeMs} ${ctimeMs} ${ino}`;
}

function hashOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("base64url");
}

function readOrNull(path: string): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    // A folder of that name is no file, too.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return null;
    throw error;
  }
}
