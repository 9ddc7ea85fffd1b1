/** Starts the supervisor's process and waits for what it says of its start. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { SupervisorMessage, SupervisorOptions } from "./supervisor.ts";

export interface LaunchedSupervisor {
  /** "busy": another process has just begun to start one. */
  readonly outcome: "ready" | "busy";
  /** Until then it waits for its first user. */
  letGo(): void;
}

/** @throws what the supervisor couldn't do, with what to do about it. */
export async function launchSupervisor(
  options: SupervisorOptions,
  onProgress: (message: string) => void,
): Promise<LaunchedSupervisor> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const script = fileURLToPath(new URL(`./supervisor-process.${extension}`, import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    cwd: options.directory,
    // Out of our process group, so that a Ctrl-C for us isn't one for the server.
    detached: true,
    // None of ours: PG* and NODE_OPTIONS would change what it does.
    env: {},
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    windowsHide: true,
  });
  const letGo = () => {
    if (child.connected) child.disconnect();
    child.unref();
  };
  try {
    return { outcome: await firstOutcome(child, onProgress), letGo };
  } catch (error) {
    letGo();
    throw error;
  }
}

function firstOutcome(
  child: ChildProcess,
  onProgress: (message: string) => void,
): Promise<"ready" | "busy"> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: SupervisorMessage) => {
      if (message.type === "progress") onProgress(message.message);
      else if (message.type === "failed") reject(new Error(message.message));
      else resolve(message.type);
    });
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new Error(`The embedded Postgres' supervisor ended early (${signal ?? code}).`)),
    );
  });
}
