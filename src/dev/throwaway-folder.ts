/** Where the databases are kept that only a test needs. */

import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";

export interface ThrowawayFolderOptions {
  /** Of a file system in memory. Default: Linux's. */
  readonly inMemory?: string;
  /** How much has to be free there, and of the memory. Default: 4 GiB. */
  readonly roomBytes?: number;
}

/**
 * A folder in memory if there is room, else the system's for temporary files. A database is some
 * 500 files, and tests make and drop one after another: ext4 passes over what was deleted in the
 * last minutes one by one when it makes a file, so that a database soon takes it a second.
 */
export async function throwawayFolder({
  inMemory = "/dev/shm",
  roomBytes = 4 * 1024 ** 3,
}: ThrowawayFolderOptions = {}): Promise<string> {
  try {
    await access(inMemory, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(inMemory);
    const free = Math.min(bavail * bsize, process.availableMemory());
    if (free >= roomBytes) return inMemory;
  } catch {
    // There is none here, or not for us.
  }
  return tmpdir();
}
