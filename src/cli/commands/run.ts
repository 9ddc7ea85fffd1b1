/** `taskrun [run]`: one process that works until it is told to stop, or with --once until done. */

import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { Logger } from "../../core/logger.ts";
import { createLogger } from "../../runtime/create-logger.ts";
import { createRuntime } from "../../runtime/create-runtime.ts";
import type { DrainCounts, Runtime } from "../../runtime/runtime.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { createLoader } from "../load-tasks.ts";
import { openDatabase } from "../open-database.ts";
import { say } from "../output.ts";
import { showStart } from "../show-start.ts";
import { aborted, StopSignals } from "../stop-signals.ts";

/** After a second signal the process ends within 2 s; the rest is for ending it. */
const hurriedMs = 1700;

export async function run(args: CommandArguments): Promise<ExitCode> {
  const { config } = await loadConfig(args.forConfig());
  const logger = await createLogger({ config, stream: process.stdout });
  const signals = new StopSignals();
  signals.start();
  surviveStrayErrors(logger);
  const work = { config, logger, signals, once: args.isSet("once") };
  return Promise.race([runUntilStopped(work), endAfterSecondSignal(signals)]);
}

interface Work {
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly signals: StopSignals;
  readonly once: boolean;
}

async function runUntilStopped(work: Work): Promise<ExitCode> {
  const { config, logger, signals, once } = work;
  try {
    const database = await openDatabase(config, { signal: signals.first });
    const { connectionString } = database;
    const loader = createLoader(config);
    const runtime = createRuntime({ config, connectionString, loader, logger });
    void aborted(signals.second).then(() => runtime.stopNow());
    try {
      if (signals.first.aborted) return exitCodes.ok;
      // Asked for before the start, so that it counts what runs during it.
      const drained = once ? runtime.drain() : null;
      drained?.catch(() => {});
      await runtime.start();
      showStart({ config, catalog: runtime.catalog, database, logger, once });
      const counts = await (drained === null
        ? untilStopped(runtime, signals)
        : untilDrained(drained, signals));
      return counts !== null && counts.failed > 0 ? exitCodes.failed : exitCodes.ok;
    } finally {
      await runtime.stop();
      await database.close();
    }
  } catch (error) {
    // Whatever a start trips over once it was told to stop is of no interest any more.
    if (signals.first.aborted) return exitCodes.ok;
    throw error;
  }
}

async function untilStopped(runtime: Runtime, signals: StopSignals): Promise<null> {
  await aborted(signals.first);
  const count = runtime.running;
  const running = count === 0 ? "" : ` after ${count === 1 ? "1 job" : `${count} jobs`}`;
  say(`${signals.first.reason}: stopping${running}; again to stop at once.`);
  return null;
}

/** Null when a signal came first. */
async function untilDrained(
  drained: Promise<DrainCounts>,
  signals: StopSignals,
): Promise<DrainCounts | null> {
  const counts = await Promise.race([drained, aborted(signals.first).then(() => null)]);
  if (counts === null) return null;
  const told = Object.entries(counts).flatMap(([state, count]) =>
    count === 0 ? [] : [`${count} ${state}`],
  );
  say(told.length === 0 ? "Nothing was due." : `Nothing more is due: ${told.join(", ")}.`);
  return counts;
}

async function endAfterSecondSignal(signals: StopSignals): Promise<ExitCode> {
  await aborted(signals.second);
  await sleep(hurriedMs);
  return exitCodes.ok;
}

/**
 * An error that a handler left behind, in a timer or a promise that nobody awaits, must not end
 * the attempts of all the others.
 */
function surviveStrayErrors(logger: Logger): void {
  process.on("unhandledRejection", (reason) => {
    logger.error({ err: reason }, "a promise that nobody awaits was rejected");
  });
  process.on("uncaughtException", (error) => {
    logger.error({ err: error }, "an error was thrown where nobody could catch it");
  });
}
