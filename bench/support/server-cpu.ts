/**
 * How much processor time the database's server has used: the postmaster and all it has started,
 * background workers included. Read from /proc, so only of a server on this machine and on Linux.
 */

import { readdirSync, readFileSync } from "node:fs";
import type pg from "pg";

/** Microseconds of user and system time so far. */
export type ServerCpu = () => number;

/** Null when the server's processes can't be seen from here. */
export async function findServerCpu(admin: pg.Pool): Promise<ServerCpu | null> {
  const { rows } = await admin.query(
    "select pg_backend_pid() as pid, inet_server_addr() as address",
  );
  const { pid, address } = rows[0];
  if (address !== null && address !== "127.0.0.1" && address !== "::1") return null;
  const backend = readStat(pid);
  if (backend === null || !backend.name.startsWith("postgres")) return null;
  const postmaster = backend.parent;
  return () => {
    // Its own ticks include those of children that have ended.
    let us = readStat(postmaster)?.reapedUs ?? 0;
    for (const pid of [postmaster, ...childrenOf(postmaster)]) us += runUs(pid);
    return us;
  };
}

/** In well under a millisecond, where the kernel keeps the list. */
function childrenOf(parent: number): number[] {
  const listed = read(`/proc/${parent}/task/${parent}/children`);
  if (listed !== null) return listed.trim().split(" ").filter(Boolean).map(Number);
  return readdirSync("/proc")
    .filter((entry) => /^[0-9]+$/.test(entry) && readStat(Number(entry))?.parent === parent)
    .map(Number);
}

interface Stat {
  readonly name: string;
  readonly parent: number;
  /** Of children that have ended. */
  readonly reapedUs: number;
}

// The unit of /proc's times, the same on every Linux that Node runs on.
const tickUs = 10_000;

function readStat(pid: number): Stat | null {
  const text = read(`/proc/${pid}/stat`);
  // The name stands in brackets and may hold anything.
  const match = text === null ? null : /^\d+ \((.*)\) (.*)$/s.exec(text);
  if (match === null) return null;
  const fields = (match[2] ?? "").split(" ");
  const [parent, childUser, childSystem] = [fields[1], fields[13], fields[14]].map(Number);
  return {
    name: match[1] ?? "",
    parent: parent ?? 0,
    reapedUs: ((childUser ?? 0) + (childSystem ?? 0)) * tickUs,
  };
}

/** To the nanosecond, where `stat` has hundredths of a second. */
function runUs(pid: number): number {
  return Number(read(`/proc/${pid}/schedstat`)?.split(" ")[0] ?? 0) / 1000;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
