/** `taskrun [run]`: one process that works until it is told to stop, or with --once until done. */

import { loadConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { Logger } from "../../core/logger.ts";
import type { HttpServer } from "../../http/start-http-server.ts";
import { createLogger } from "../../runtime/create-logger.ts";
import { createRuntime } from "../../runtime/create-runtime.ts";
import { createProjectLoader } from "../../runtime/project-loader.ts";
import type { DrainCounts, Runtime } from "../../runtime/runtime.ts";
import { usageError } from "../cli-error.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { openDatabase } from "../open-database.ts";
import { say } from "../output.ts";
import { needsReExecution, reExecute } from "../re-execute.ts";
import { serveBeside } from "../serve-http.ts";
import { showStart } from "../show-start.ts";
import { aborted, hurried, StopSignals } from "../stop-signals.ts";
import { surviveStrayErrors } from "../survive-stray-errors.ts";

/** What replacing code in a running process needs, and what frees the code replaced. */
const reloadFlags = [
  "--experimental-vm-modules",
  "--no-compilation-cache",
  "--disable-warning=ExperimentalWarning",
  // Young garbage of thousands of reloads would otherwise keep tens of megabytes.
  "--max-semi-space-size=8",
];

export async function run(args: CommandArguments): Promise<ExitCode> {
  if (args.isSet("watch")) return watchInstead(args);
  const { config } = await loadConfig(args.forConfig());
  const logger = await createLogger({ config, stream: process.stdout });
  const signals = new StopSignals();
  signals.start();
  const current: { runtime: Runtime | null } = { runtime: null };
  surviveStrayErrors(
    () => logger,
    () => current.runtime,
  );
  const work = { config, logger, signals, once: args.isSet("once"), current };
  return Promise.race([runUntilStopped(work), hurried(signals).then(() => exitCodes.temporary)]);
}

async function watchInstead(args: CommandArguments): Promise<ExitCode> {
  if (args.isSet("once")) throw usageError("--watch and --once exclude each other");
  if (needsReExecution(reloadFlags)) return reExecute(reloadFlags);
  const { runWatch } = await import("./run-watch.ts");
  return runWatch(args);
}

interface Work {
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly signals: StopSignals;
  readonly once: boolean;
  /** For those who ask which process's jobs run. */
  readonly current: { runtime: Runtime | null };
}

async function runUntilStopped(work: Work): Promise<ExitCode> {
  const { config, logger, signals, once } = work;
  try {
    const database = await openDatabase(config, { signal: signals.first });
    const { connectionString } = database;
    const loader = createProjectLoader(config);
    const runtime = createRuntime({
      // Who runs what is due and stops doesn't wait for the clock.
      config: once ? { ...config, crontab: false } : config,
      connectionString,
      loader,
      logger,
    });
    work.current.runtime = runtime;
    void aborted(signals.second).then(() => runtime.stopNow());
    let http: HttpServer | null = null;
    try {
      if (signals.first.aborted) return exitCodes.ok;
      // Asked for before the start, so that it counts what runs during it.
      const drained = once ? runtime.drain() : null;
      drained?.catch(() => {});
      await Promise.race([runtime.start(), aborted(signals.first)]);
      // Nothing to tell of what hasn't started; it may never have reached the database.
      if (signals.first.aborted) return endedBy(await runtime.stop());
      const { catalog, crontab } = runtime;
      showStart({ config, catalog, crontab, database, logger, once });
      if (!once) http = await serveBeside(runtime, { config, connectionString, logger });
      const counts = await (drained === null
        ? untilStopped(runtime, signals)
        : untilDrained(drained, signals));
      const ended = endedBy(await runtime.stop());
      return counts !== null && counts.failed > 0 ? exitCodes.failed : ended;
    } finally {
      await Promise.all([http?.close(), runtime.stop()]);
      await database.close();
    }
  } catch (error) {
    // Whatever a start trips over once it was told to stop is of no interest any more.
    if (signals.first.aborted) return exitCodes.ok;
    throw error;
  }
}

function endedBy(everythingWritten: boolean): ExitCode {
  return everythingWritten ? exitCodes.ok : exitCodes.temporary;
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
