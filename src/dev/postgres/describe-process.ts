/**
 * What the operating system knows of a process, so that a pid in a file can be told from the
 * same number given to another process later. Owns the three ways to ask; decides nothing.
 */

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface ProcessDescription {
  /** Equal for the same process only, also after a reboot. No other meaning. */
  readonly startedAt: string;
  readonly commandLine: string;
}

/** Null when there is no such process, or only a zombie of it is left. */
export async function describeProcess(pid: number): Promise<ProcessDescription | null> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  if (process.platform === "linux") return describeByProc(pid);
  if (process.platform === "win32") return describeByPowershell(pid);
  return describeByPs(pid);
}

async function describeByProc(pid: number): Promise<ProcessDescription | null> {
  try {
    const [stat, commandLine, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    // The command's name stands in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    const startTicks = fields[19];
    if (state === undefined || "ZXx".includes(state)) return null;
    return {
      startedAt: `${boot.trim()}/${startTicks}`,
      commandLine: commandLine.replaceAll("\0", " ").trim(),
    };
  } catch {
    return null;
  }
}

async function describeByPs(pid: number): Promise<ProcessDescription | null> {
  try {
    const columns = "state=,lstart=,command=";
    const { stdout } = await run("/bin/ps", ["-ww", "-o", columns, "-p", String(pid)], {
      env: { LC_ALL: "C" },
    });
    const match = /^\s*(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/m.exec(stdout);
    const [, state = "Z", startedAt = "", commandLine = ""] = match ?? [];
    return state.startsWith("Z") ? null : { startedAt, commandLine };
  } catch {
    return null;
  }
}

async function describeByPowershell(pid: number): Promise<ProcessDescription | null> {
  const question =
    `$p = Get-CimInstance Win32_Process -Filter 'ProcessId=${pid}';` +
    "if ($p) { $p.CreationDate.Ticks; $p.CommandLine }";
  try {
    const { stdout } = await run("powershell.exe", ["-NoProfile", "-Command", question]);
    const [startedAt = "", commandLine = ""] = stdout.split(/\r?\n/);
    return startedAt === "" ? null : { startedAt, commandLine };
  } catch {
    return null;
  }
}
