/**
 * One server process over a cluster's data: start, stop, and the orphan of a supervisor that
 * was killed. Owns signals and readiness; refuses to touch a process that isn't this cluster's.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Cluster, clusterPaths } from "./cluster.ts";
import { describeProcess } from "./describe-process.ts";
import { isCopyOf } from "./pid-lock.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";

const run = promisify(execFile);

/** "fast" ends sessions and shuts down; "immediate" is a crash that is recovered from later. */
export type StopMode = "fast" | "immediate";

const patienceMs = { fast: 15_000, immediate: 5_000, kill: 5_000, ready: 120_000 } as const;

export class PostgresServer {
  readonly #cluster: Cluster;
  readonly #durable: boolean;
  #child: ChildProcess | null = null;

  constructor(cluster: Cluster, durable: boolean) {
    this.#cluster = cluster;
    this.#durable = durable;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /**
   * Resolves when the server accepts connections.
   *
   * @param onExit called once, when the server ends for whatever reason after it was ready
   * @throws with the end of the server's log when it ends before it is ready.
   */
  async start(port: number, onExit: () => void): Promise<void> {
    const { binaries, dataDirectory, account, directory } = this.#cluster;
    const log = await open(clusterPaths(directory).log, "a", 0o600);
    const { size: logStart } = await log.stat();
    try {
      this.#child = spawn(binaries.postgres, this.#arguments(port), {
        ...account,
        cwd: dataDirectory,
        env: { LC_ALL: "C" },
        stdio: ["ignore", log.fd, log.fd],
        windowsHide: true,
      });
      await once(this.#child, "spawn");
    } finally {
      await log.close();
    }
    const child = this.#child;
    try {
      await this.#untilReady(child);
    } catch (error) {
      const said = (await readFile(clusterPaths(directory).log)).subarray(logStart).toString();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${reason}. Its log says:\n${said.slice(-2_000).trim()}`, { cause: error });
    }
    if (hasExited(child)) onExit();
    else child.once("exit", onExit);
  }

  /** Does nothing when the server isn't running. Fast becomes immediate after 15 s. */
  async stop(mode: StopMode): Promise<void> {
    const child = this.#child;
    if (child === null || child.pid === undefined || hasExited(child)) return;
    const { pid } = child;
    await endServer(pid, mode, this.#cluster.binaries, async () => !hasExited(child));
  }

  #arguments(port: number): string[] {
    const settings: Record<string, string> = {
      listen_addresses: "127.0.0.1",
      // The address is enough, and a socket's path may be too long for the system.
      unix_socket_directories: "",
      password_encryption: "scram-sha-256",
      max_connections: "200",
      // Clusters were made with a name that the server can read but its parallel workers can't.
      default_text_search_config: "pg_catalog.english",
      log_line_prefix: "%m [%p] %q%a ",
    };
    if (!this.#durable) {
      Object.assign(settings, {
        fsync: "off",
        synchronous_commit: "off",
        full_page_writes: "off",
        wal_level: "minimal",
        max_wal_senders: "0",
        // It may be in memory.
        min_wal_size: "32MB",
        max_wal_size: "256MB",
        autovacuum_naptime: "10min",
      });
    }
    const pairs = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    return ["-D", this.#cluster.dataDirectory, "-p", String(port), ...pairs];
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + patienceMs.ready;
    for (;;) {
      if (hasExited(child)) throw new Error("The embedded Postgres ended while it was starting");
      const found = await readPostmasterFile(this.#cluster.dataDirectory);
      if (found !== null && found.pid === child.pid && found.status === "ready") return;
      if (Date.now() > deadline) {
        await this.stop("immediate");
        throw new Error(`The embedded Postgres was not ready after ${patienceMs.ready / 1000} s`);
      }
      await sleep(10);
    }
  }
}

/**
 * Ends the server that a killed supervisor has left on this data, and clears a `postmaster.pid`
 * that names some other process by now. True when there was such a server.
 */
export async function stopOrphan(
  dataDirectory: string,
  binaries: PostgresBinaries | null,
): Promise<boolean> {
  const found = await readPostmasterFile(dataDirectory);
  if (found === null) return false;
  if (!(await isServerOf(found, dataDirectory))) {
    await rm(join(dataDirectory, "postmaster.pid"), { force: true });
    return false;
  }
  await endServer(found.pid, "fast", binaries, () => isServerOf(found, dataDirectory));
  return true;
}

interface PostmasterFile {
  readonly pid: number;
  readonly dataDirectory: string;
  readonly status: string;
}

async function readPostmasterFile(dataDirectory: string): Promise<PostmasterFile | null> {
  const text = await readFile(join(dataDirectory, "postmaster.pid"), "utf8").catch(() => null);
  if (text === null) return null;
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  return { pid, dataDirectory: lines[1] ?? "", status: (lines[7] ?? "").trim() };
}

async function isServerOf(found: PostmasterFile, dataDirectory: string): Promise<boolean> {
  const live = await describeProcess(found.pid);
  if (live === null || !/postgres(\.exe)?"? -D /.test(live.commandLine)) return false;
  if (!live.commandLine.includes(found.dataDirectory)) return false;
  return !(await isCopyOf(found.dataDirectory, dataDirectory));
}

async function endServer(
  pid: number,
  mode: StopMode,
  binaries: PostgresBinaries | null,
  isAlive: () => Promise<boolean>,
): Promise<void> {
  const steps: [NodeJS.Signals, number][] = [
    ["SIGINT", patienceMs.fast],
    ["SIGQUIT", patienceMs.immediate],
    ["SIGKILL", patienceMs.kill],
  ];
  for (const [signal, waitMs] of mode === "fast" ? steps : steps.slice(1)) {
    await sendSignal(pid, signal, binaries);
    const deadline = Date.now() + waitMs;
    while (Date.now() < deadline) {
      if (!(await isAlive())) return;
      await sleep(10);
    }
  }
  throw new Error(`The embedded Postgres (pid ${pid}) does not end.`);
}

async function sendSignal(
  pid: number,
  signal: NodeJS.Signals,
  binaries: PostgresBinaries | null,
): Promise<void> {
  if (process.platform === "win32" && binaries !== null && signal !== "SIGKILL") {
    await run(binaries.pgCtl, ["kill", signal.slice(3), String(pid)]).catch(() => undefined);
    return;
  }
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself in the meantime; whoever waits for it will see that.
  }
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
