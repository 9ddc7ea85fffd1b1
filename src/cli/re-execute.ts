/**
 * Starts this very command anew under flags that Node takes on its command line only. Where the
 * system lets a process become another program, it becomes that; elsewhere (Windows) a child
 * gets the terminal, and this process only hands on signals and the exit code.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ExitCode } from "./exit-codes.ts";

const signalNames = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How a process becomes another program; see execve(2). */
type Become = (file: string, args: readonly string[]) => void;

export interface ReExecuteOptions {
  /** Default: as the system can. Null = by a child. */
  readonly become?: Become | null;
}

/** False when the command runs under these flags already, or this Node doesn't know them. */
export function needsReExecution(flags: readonly string[]): boolean {
  return flags.some((flag) => !process.execArgv.includes(flag)) && flags.every(isKnown);
}

/**
 * Keeps what else Node was given, such as --inspect or --conditions. Returns only where a child
 * does the work, with its exit code once it has ended.
 */
export async function reExecute(
  flags: readonly string[],
  { become = systemsWay() }: ReExecuteOptions = {},
): Promise<ExitCode> {
  const [, script = "", ...words] = process.argv;
  const args = [...process.execArgv.filter((each) => !flags.includes(each)), ...flags];
  args.push(script, ...words);
  become?.(process.execPath, [process.execPath, ...args]);
  await freeInspectorPort();
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  const handOn = (name: NodeJS.Signals) => {
    // On Windows the console tells every process, and a signal from here would be a kill.
    if (process.platform !== "win32") child.kill(name);
  };
  for (const name of signalNames) process.on(name, handOn);
  const [code, signal]: (number | NodeJS.Signals | null)[] = await once(child, "exit");
  for (const name of signalNames) process.off(name, handOn);
  if (typeof signal === "string") process.kill(process.pid, signal);
  return code as ExitCode; // why: the child is this command and ends with one of its codes
}

function systemsWay(): Become | null {
  const { execve } = process;
  if (process.platform === "win32" || typeof execve !== "function") return null;
  return (file, args) => execve.call(process, file, args);
}

/** The child inherits --inspect, and this process would hold its port. */
async function freeInspectorPort(): Promise<void> {
  const inspector = await import("node:inspector");
  if (inspector.url() !== undefined) inspector.close();
}

/** V8's own flags are not in Node's list. */
function isKnown(flag: string): boolean {
  const isV8s = flag === "--no-compilation-cache";
  return isV8s || process.allowedNodeEnvironmentFlags.has(flag.replace(/=.*$/, ""));
}
