/**
 * `taskrun --processes N`: a process that runs no job itself and supervises N that do. It loads
 * what it takes to look after them; their tasks it never imports.
 */

import { environmentWithoutDotEnv, type LoadedConfig } from "../../config/load-config.ts";
import { createLogger } from "../../runtime/create-logger.ts";
import { burySeenDead } from "../../runtime/presence/bury-seen-dead.ts";
import { migrate } from "../../store/migrate.ts";
import { describeDrained } from "../describe-drained.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { openDatabase } from "../open-database.ts";
import { say } from "../output.ts";
import { Child } from "../processes/child.ts";
import type { Identity } from "../processes/messages.ts";
import { Supervisor } from "../processes/supervisor.ts";
import { aborted, StopSignals } from "../stop-signals.ts";

export interface ProcessesMode {
  readonly watch: boolean;
  readonly once: boolean;
}

/** What a child needs after its deadlines to write down what it has done, and to end. */
const writeDownMs = 7_000;

export async function runProcesses(loaded: LoadedConfig, mode: ProcessesMode): Promise<ExitCode> {
  const { config } = loaded;
  const logger = await createLogger({ config, stream: process.stdout, showPid: true });
  const signals = new StopSignals();
  signals.start();
  // Held for as long as a child uses it.
  const database = await openDatabase(config, { signal: signals.first, forWork: true }).catch(
    (error) => {
      if (signals.first.aborted) return null;
      throw error;
    },
  );
  if (database === null) return exitCodes.ok;
  try {
    if (signals.first.aborted) return exitCodes.ok;
    // Before they start, so that what is wrong is told once.
    await migrate(database.connectionString, { schema: config.schema });
    const environment = environmentWithoutDotEnv(loaded);
    const supervisor = new Supervisor({
      count: config.processes,
      once: mode.once,
      stopWithinMs: config.shutdownGraceMs + config.shutdownDeadlineMs + writeDownMs,
      signals,
      logger,
      spawn: (duties, onReport) => {
        const readsKeys = mode.watch && duties.leads && process.stdin.isTTY === true;
        return new Child({ duties, environment, readsKeys, onReport });
      },
      rescue: async ({ processId, connectionString, schema }: Identity, reason, onGivenAway) => {
        const dead = { processId, connectionString, schema, reason, onGivenAway };
        const { returned, retried, failed } = await burySeenDead(dead);
        const report = { processId, returned, retried, failed };
        logger.warn(report, "gave away the jobs of a process that ended unasked");
      },
    });
    const restart = () => void supervisor.restart();
    process.on("SIGUSR2", restart);
    void aborted(signals.first).then(() =>
      say(
        `${signals.first.reason}: stopping ${config.processes} processes; again to stop at once.`,
      ),
    );
    const code = await supervisor.run();
    if (mode.once && !signals.first.aborted) say(describeDrained(supervisor.drained));
    return code;
  } finally {
    // One that was killed while it read keys has left the terminal to us.
    if (mode.watch && process.stdin.isTTY) process.stdin.setRawMode(false);
    await database.close();
  }
}
