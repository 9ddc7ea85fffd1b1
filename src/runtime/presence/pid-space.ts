/**
 * Tells whether two process numbers are of the same kind: numbers of another machine, of the time
 * before a restart, or of another container mean other processes.
 */

import { readFileSync, readlinkSync } from "node:fs";

/** Null where that can't be told, as outside Linux. */
export function pidSpace(): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}
