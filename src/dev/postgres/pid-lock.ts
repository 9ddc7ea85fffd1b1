/**
 * A lock file that names its holder, for one holder per directory. A lock whose holder is gone
 * is taken over. Owns the file; refuses to guess about a holder that is alive.
 */

import { open, readFile, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { describeProcess } from "./describe-process.ts";
import { hasCode } from "./has-code.ts";
import { readJsonFile } from "./read-json-file.ts";

/** Between creating a lock file and writing into it a process needs far less. */
const unwrittenLockLifeMs = 5_000;

export interface PidLock {
  /** False once the folder was deleted under its holder, whoever has made it anew since. */
  isOurs(): Promise<boolean>;
  /** Leaves the lock of another holder alone. */
  release(): Promise<void>;
}

/** Takes the lock `path` for this process; null when a live process holds it. */
export async function acquirePidLock(path: string): Promise<PidLock | null> {
  const self = await describeProcess(process.pid);
  const content = JSON.stringify({ pid: process.pid, startedAt: self?.startedAt ?? "", path });
  for (;;) {
    if (await createFile(path, content)) {
      const isOurs = async () => (await readFile(path, "utf8").catch(() => null)) === content;
      const release = async () => {
        if (await isOurs()) await rm(path, { force: true });
      };
      return { isOurs, release };
    }
    const before = await readFile(path, "utf8").catch(() => null);
    if (before === null) continue;
    if (await isHeld(path)) return null;
    await removeStale(path, before);
  }
}

/** The pid of the live process that holds the lock `path`; null when it is free or stale. */
export async function findPidLockHolder(path: string): Promise<number | null> {
  const lock = await readJsonFile(path);
  if (lock === null || typeof lock.pid !== "number") return null;
  // A copied folder brings a lock with it that belongs to the original.
  if (typeof lock.path === "string" && (await isCopyOf(lock.path, path))) return null;
  const holder = await describeProcess(lock.pid);
  return holder !== null && holder.startedAt === lock.startedAt ? lock.pid : null;
}

/** Whether what was written for `recorded` and is found at `actual` was copied, not moved. */
export async function isCopyOf(recorded: string, actual: string): Promise<boolean> {
  if (recorded === actual) return false;
  return stat(recorded).then(
    () => true,
    () => false,
  );
}

async function isHeld(path: string): Promise<boolean> {
  if ((await findPidLockHolder(path)) !== null) return true;
  if ((await readJsonFile(path)) !== null) return false;
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs < unwrittenLockLifeMs;
}

/**
 * Two processes may see the same stale lock; without the second file the slower one would
 * remove the lock that the faster one has just made.
 */
async function removeStale(path: string, seen: string): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await createFile(guard, ""))) {
    const { mtimeMs } = await stat(guard).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > unwrittenLockLifeMs) await rm(guard, { force: true });
    await sleep(20);
    return;
  }
  try {
    const now = await readFile(path, "utf8").catch(() => null);
    if (now === seen) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** False when the file is already there. */
async function createFile(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}
