/** The supervisor's process: its arguments, its signals, its IPC channel. Nothing else. */

import { appendFileSync } from "node:fs";
import { clusterPaths } from "./cluster.ts";
import { Supervisor, type SupervisorMessage, type SupervisorOptions } from "./supervisor.ts";

const argument = process.argv[2] ?? "{}";
const options = JSON.parse(argument) as SupervisorOptions; // why: written by launch-supervisor.ts

export const supervisorProcess = new Supervisor(options, (message: SupervisorMessage) => {
  if (!process.connected) return;
  process.send?.(message, undefined, undefined, () => {
    if (message.type === "busy" || message.type === "failed") process.disconnect();
  });
});

process.on("disconnect", () => supervisorProcess.starterIsGone());
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => void supervisorProcess.stop());
}
process.on("uncaughtException", (error) => {
  appendFileSync(clusterPaths(options.directory).log, `supervisor: ${error.stack}\n`);
  process.exitCode = 1;
  void supervisorProcess.stop();
});

await supervisorProcess.start();
