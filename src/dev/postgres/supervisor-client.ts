/**
 * How a process talks to the supervisor of a running cluster: one connection over loopback,
 * one JSON object a line, authenticated by the token in `state.json`. The open connection is
 * what says that this process uses the server: the system closes it however the process ends.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { clusterPaths } from "./cluster.ts";
import { findPidLockHolder, isCopyOf } from "./pid-lock.ts";
import type { StopMode } from "./postgres-server.ts";
import { readJsonFile } from "./read-json-file.ts";

/** What `state.json` says while a server runs. */
export interface ServerState {
  readonly directory: string;
  readonly supervisorPid: number;
  readonly postgresPid: number;
  readonly port: number;
  readonly url: string;
  readonly superuserUrl: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** The processes that use the server; it ends with the last of them. */
  readonly users: readonly number[];
  /** It stays without users, until it is stopped. */
  readonly keepRunning: boolean;
  readonly controlPort: number;
  readonly token: string;
}

export type SupervisorRequest =
  | { readonly do: "use"; readonly pid: number; readonly keepRunning: boolean }
  | { readonly do: "release" }
  | { readonly do: "stop" }
  | { readonly do: "restart"; readonly mode: StopMode };

export interface SupervisorReply {
  readonly ok: boolean;
  readonly error: string | null;
}

/** The server that runs on this cluster; null when none does, whatever a stale file says. */
export async function readServerState(directory: string): Promise<ServerState | null> {
  const paths = clusterPaths(directory);
  const holder = await findPidLockHolder(paths.lock);
  if (holder === null) return null;
  const state = await readJsonFile(paths.state);
  if (state === null || state.supervisorPid !== holder) return null;
  if (typeof state.directory !== "string" || typeof state.token !== "string") return null;
  if (await isCopyOf(state.directory, directory)) return null;
  return state as unknown as ServerState; // why: the live holder of the lock wrote it whole
}

/** One process's connection to the supervisor. */
export class SupervisorClient {
  readonly #socket: Socket;
  readonly #token: string;
  readonly #waiting: ((reply: SupervisorReply | null) => void)[] = [];

  private constructor(socket: Socket, token: string) {
    this.#socket = socket;
    this.#token = token;
    socket.on("error", () => undefined);
    socket.on("close", () => {
      for (const settle of this.#waiting.splice(0)) settle(null);
    });
    createInterface(socket)
      .on("line", (line) => this.#waiting.shift()?.(parseReply(line)))
      .on("error", () => undefined);
  }

  /** Null when the supervisor doesn't answer: it is ending, or gone. */
  static async connect(state: ServerState): Promise<SupervisorClient | null> {
    const socket = connect({ port: state.controlPort, host: "127.0.0.1" });
    try {
      await once(socket, "connect", { signal: AbortSignal.timeout(5_000) });
    } catch {
      socket.destroy();
      return null;
    }
    return new SupervisorClient(socket, state.token);
  }

  /** Null when the supervisor ended before it answered. */
  async request(request: SupervisorRequest): Promise<SupervisorReply | null> {
    if (this.#socket.destroyed) return null;
    const replied = new Promise<SupervisorReply | null>((resolve) => this.#waiting.push(resolve));
    // Only while it waits for an answer may the connection keep its process alive.
    this.#socket.ref();
    this.#socket.write(`${JSON.stringify({ ...request, token: this.#token })}\n`);
    const reply = await replied;
    this.#socket.unref();
    return reply;
  }

  close(): void {
    this.#socket.destroy();
  }
}

function parseReply(line: string): SupervisorReply | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("ok" in value)) return null;
    const error = "error" in value && typeof value.error === "string" ? value.error : null;
    return { ok: value.ok === true, error };
  } catch {
    return null;
  }
}
