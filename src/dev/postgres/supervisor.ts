/**
 * A small process of its own that owns one running cluster: it makes and starts the server,
 * counts the processes that use it by their open connections, and ends the server and itself
 * when the last is gone. Its lock is what makes it the only one. It answers to nobody without
 * the token, and prints nothing: what goes wrong is told to whoever started it, or logged.
 */

import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { appName, type Cluster, clusterPaths, prepareCluster, superuser } from "./cluster.ts";
import { ensureApplicationDatabase } from "./ensure-application-database.ts";
import { findFreePort, isPortFree } from "./find-free-port.ts";
import { acquirePidLock, type PidLock } from "./pid-lock.ts";
import { PostgresServer, type StopMode, stopOrphan } from "./postgres-server.ts";
import { writeJsonFile } from "./read-json-file.ts";
import type { ServerState, SupervisorRequest } from "./supervisor-client.ts";

/** What the starter hears over the IPC channel. */
export type SupervisorMessage =
  | { readonly type: "progress"; readonly message: string }
  | { readonly type: "busy" }
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly message: string };

export interface SupervisorOptions {
  readonly directory: string;
  readonly durable: boolean;
}

const logLimitBytes = 1_000_000;
/** A server that keeps dying is given up after this many restarts in a minute. */
const restartsPerMinute = 5;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #tell: (message: SupervisorMessage) => void;
  readonly #token = randomBytes(24).toString("base64url");
  readonly #users = new Map<Socket, number>();
  readonly #sockets = new Set<Socket>();
  readonly #recentRestarts: number[] = [];
  readonly #startedAt = new Date().toISOString();
  #lock: PidLock | null = null;
  #cluster: Cluster | null = null;
  #server: PostgresServer | null = null;
  #control: Server | null = null;
  #port = 0;
  #keepRunning = false;
  #starterIsThere = true;
  #busyRestarting = false;
  #stopping: Promise<void> | null = null;
  #stateWritten: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions, tell: (message: SupervisorMessage) => void) {
    this.#options = options;
    this.#tell = tell;
  }

  /** Ends in one message: ready, busy (another supervisor holds the lock) or failed. */
  async start(): Promise<void> {
    const { directory } = this.#options;
    try {
      this.#lock = await acquirePidLock(clusterPaths(directory).lock);
      if (this.#lock === null) {
        this.#tell({ type: "busy" });
        return;
      }
      await this.#startServer();
      this.#control = await this.#listen();
      await this.#writeState();
      this.#tell({ type: "ready" });
    } catch (error) {
      await this.stop().catch(() => undefined);
      const message = error instanceof Error ? error.message : String(error);
      this.#tell({ type: "failed", message });
    }
    this.#endWhenUnused();
  }

  /** Ends the server, whoever uses it. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** The starter has connected as a user by now, or is dead. */
  starterIsGone(): void {
    this.#starterIsThere = false;
    this.#endWhenUnused();
  }

  async #startServer(): Promise<void> {
    const { directory, durable } = this.#options;
    const paths = clusterPaths(directory);
    await rm(paths.state, { force: true });
    const log = await stat(paths.log).catch(() => null);
    if (log !== null && log.size > logLimitBytes) await rename(paths.log, `${paths.log}.1`);
    const progress = (message: string) => this.#tell({ type: "progress", message });
    const cluster = await prepareCluster(directory, durable, progress);
    this.#cluster = cluster;
    if (await stopOrphan(cluster.dataDirectory, cluster.binaries)) {
      progress("ended a Postgres that a killed process had left behind");
    }
    this.#server = new PostgresServer(cluster, durable);
    for (let attempt = 1; ; attempt++) {
      this.#port = await findFreePort(cluster.settings.port);
      try {
        await this.#server.start(this.#port, () => this.#serverEnded());
        break;
      } catch (error) {
        // Someone else may have taken the port in between; then another one is tried.
        if (attempt === 3 || (await isPortFree(this.#port))) throw error;
      }
    }
    const settings = { ...cluster.settings, port: this.#port };
    if (cluster.settings.port !== this.#port) await writeJsonFile(paths.settings, settings);
    await ensureApplicationDatabase(this.#urls().superuserUrl, settings.appPassword);
  }

  async #listen(): Promise<Server> {
    const control = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        if (this.#users.delete(socket)) this.#usersChanged();
      });
      createInterface(socket)
        .on("line", (line) => this.#answer(socket, line))
        // It passes the socket's errors on; the close that follows says all there is to say.
        .on("error", () => undefined);
    });
    await new Promise<void>((resolve, reject) => {
      control.once("error", reject);
      control.listen({ port: 0, host: "127.0.0.1" }, resolve);
    });
    return control;
  }

  #answer(socket: Socket, line: string): void {
    const request = parseRequest(line, this.#token);
    if (request === null || this.#stopping !== null) {
      socket.destroy();
      return;
    }
    const reply = (error: string | null) =>
      socket.write(`${JSON.stringify({ ok: error === null, error })}\n`);
    if (request.do === "use") {
      this.#users.set(socket, request.pid);
      this.#keepRunning ||= request.keepRunning;
      this.#writeState().then(
        () => reply(null),
        () => socket.destroy(),
      );
    } else if (request.do === "release") {
      this.#users.delete(socket);
      this.#usersChanged();
      (this.#stopping ?? Promise.resolve()).finally(() => reply(null));
    } else if (request.do === "stop") {
      this.stop().finally(() => reply(null));
    } else {
      this.#restart(request.mode).then(
        () => reply(null),
        (error: unknown) => reply(error instanceof Error ? error.message : String(error)),
      );
    }
  }

  #usersChanged(): void {
    this.#endWhenUnused();
    // A list that is out of date harms nobody: what counts are the open connections.
    this.#writeState().catch(() => undefined);
  }

  #endWhenUnused(): void {
    if (this.#keepRunning || this.#starterIsThere || this.#users.size > 0) return;
    if (this.#control !== null) void this.stop();
  }

  async #restart(mode: StopMode): Promise<void> {
    if (this.#server === null) return;
    this.#busyRestarting = true;
    try {
      await this.#server.stop(mode);
      await this.#startAgain();
    } finally {
      this.#busyRestarting = false;
    }
  }

  /** After a crash the memory of the old server may be in use for a moment longer. */
  async #startAgain(): Promise<void> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      try {
        await this.#server?.start(this.#port, () => this.#serverEnded());
        await this.#writeState();
        return;
      } catch (error) {
        if (this.#stopping !== null || Date.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  #serverEnded(): void {
    if (this.#stopping !== null || this.#busyRestarting) return;
    const now = Date.now();
    this.#recentRestarts.push(now);
    while ((this.#recentRestarts[0] ?? now) < now - 60_000) this.#recentRestarts.shift();
    if (this.#recentRestarts.length > restartsPerMinute) {
      void this.stop();
      return;
    }
    this.#restart("immediate").catch((error: unknown) => {
      appendFileSync(clusterPaths(this.#options.directory).log, `${String(error)}\n`);
      void this.stop();
    });
  }

  async #stop(): Promise<void> {
    const paths = clusterPaths(this.#options.directory);
    if (this.#lock === null) return;
    this.#control?.close();
    await this.#stateWritten;
    // Deleted with a running server in it, the folder may be that of another supervisor by now.
    if (await this.#lock.isOurs()) await rm(paths.state, { force: true });
    try {
      await this.#server?.stop("fast");
    } finally {
      await this.#lock.release();
      // Answers that wait for this are written first.
      setImmediate(() => {
        for (const socket of this.#sockets) socket.end();
      });
    }
  }

  /** One write after the other, so that the last is the newest. */
  #writeState(): Promise<void> {
    const written = this.#stateWritten.then(() => this.#writeStateNow());
    this.#stateWritten = written.catch(() => undefined);
    return written;
  }

  async #writeStateNow(): Promise<void> {
    const address = this.#control?.address();
    const { directory } = this.#options;
    if (this.#stopping !== null || typeof address !== "object" || address === null) return;
    const state: ServerState = {
      directory,
      supervisorPid: process.pid,
      postgresPid: this.#server?.pid ?? 0,
      port: this.#port,
      ...this.#urls(),
      startedAt: this.#startedAt,
      users: [...new Set(this.#users.values())],
      keepRunning: this.#keepRunning,
      controlPort: address.port,
      token: this.#token,
    };
    await writeJsonFile(clusterPaths(directory).state, state);
  }

  #urls(): { url: string; superuserUrl: string } {
    const settings = this.#cluster?.settings;
    const at = `127.0.0.1:${this.#port}`;
    return {
      url: `postgres://${appName}:${settings?.appPassword}@${at}/${appName}`,
      superuserUrl: `postgres://${superuser}:${settings?.superuserPassword}@${at}/postgres`,
    };
  }
}

function parseRequest(line: string, token: string): SupervisorRequest | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return null;
    if (!("token" in value) || value.token !== token) return null;
    return value as unknown as SupervisorRequest; // why: whoever has the token is our own client
  } catch {
    return null;
  }
}
