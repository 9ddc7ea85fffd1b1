/**
 * The work of one process: until it is told to stop, or with --once until nothing is due. Alone,
 * or as one of several under a supervisor.
 */

import { environmentText } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { Logger } from "../../core/logger.ts";
import type { HttpServer } from "../../http/start-http-server.ts";
import { createLogger, threadLogOf } from "../../runtime/create-logger.ts";
import { createRuntime } from "../../runtime/create-runtime.ts";
import { createProjectLoader, createWarmLoader } from "../../runtime/project-loader.ts";
import type { DrainCounts, Runtime } from "../../runtime/runtime.ts";
import { describeDrained } from "../describe-drained.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { MemoryLimit } from "../memory-limit.ts";
import type { OpenDatabase } from "../open-database.ts";
import { say } from "../output.ts";
import { reportProcess } from "../processes/report-process.ts";
import type { Supervised } from "../processes/supervision.ts";
import { serveBeside } from "../serve-http.ts";
import { showStart } from "../show-start.ts";
import { aborted, hurried, type StopRequests } from "../stop-signals.ts";
import { surviveStrayErrors } from "../survive-stray-errors.ts";

export interface RunOptions {
  readonly config: ResolvedConfig;
  readonly once: boolean;
  /** By whom, and what it does that the others don't; null when it is alone. */
  readonly supervised: Supervised | null;
  readonly signals: StopRequests;
  /** Opened while this code was being loaded. */
  readonly database: Promise<OpenDatabase>;
}

interface Work extends RunOptions {
  readonly logger: Logger;
  readonly memory: MemoryLimit;
  /** For those who ask which process's jobs run. */
  readonly current: { runtime: Runtime | null };
}

export async function runAlone(options: RunOptions): Promise<ExitCode> {
  const { config, supervised, signals } = options;
  const showPid = supervised !== null;
  const logger = await createLogger({ config, stream: process.stdout, showPid });
  const current: { runtime: Runtime | null } = { runtime: null };
  surviveStrayErrors(
    () => logger,
    () => current.runtime,
  );
  const memory = new MemoryLimit({ limitMb: config.maxRssMb, logger });
  memory.start();
  const work = { ...options, logger, memory, current };
  return Promise.race([runUntilStopped(work), hurried(signals).then(() => exitCodes.temporary)]);
}

async function runUntilStopped(work: Work): Promise<ExitCode> {
  const { config, logger, signals, once, supervised } = work;
  try {
    const database = await work.database;
    const { connectionString } = database;
    const loader = config.warmStart
      ? createWarmLoader(config, environmentText())
      : createProjectLoader(config, { watchdog: true });
    const runtime = createRuntime({
      // Who runs what is due and stops doesn't wait for the clock.
      config: once ? { ...config, crontab: false } : config,
      connectionString,
      loader,
      logger,
      threadLog: threadLogOf(config),
    });
    work.current.runtime = runtime;
    void aborted(signals.second).then(() => runtime.stopNow());
    let http: HttpServer | null = null;
    try {
      if (signals.first.aborted) return exitCodes.ok;
      if (supervised !== null) reportProcess(supervised, runtime, { config, connectionString });
      // Asked for before the start, so that it counts what runs during it.
      const drained = once ? runtime.drain() : null;
      drained?.catch(() => {});
      await Promise.race([runtime.start(), aborted(signals.first)]);
      // Nothing to tell of what hasn't started; it may never have reached the database.
      if (signals.first.aborted) return endedBy(await runtime.stop());
      // The port is free only once the predecessor stops; at a first start it has to be.
      if (supervised?.replaces) supervised.supervision.tell({ kind: "working" });
      const { catalog, crontab } = runtime;
      if (supervised?.greets ?? true) {
        showStart({ config, catalog, crontab, database, logger, once });
      }
      const place = { config, connectionString, logger };
      if (!once) http = await serveBeside(runtime, place, supervised);
      if (supervised?.replaces === false) supervised.supervision.tell({ kind: "working" });
      const code = await (drained === null
        ? untilStopped(runtime, work)
        : untilDrained(drained, work));
      const ended = endedBy(await runtime.stop());
      return code === exitCodes.ok ? ended : code;
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

async function untilStopped(
  runtime: Runtime,
  { signals, memory, supervised }: Work,
): Promise<ExitCode> {
  await Promise.race([aborted(signals.first), memory.exceeded]);
  if (!signals.first.aborted) return exitCodes.temporary;
  // A supervisor speaks for all.
  if (supervised !== null) return exitCodes.ok;
  const count = runtime.running;
  const running = count === 0 ? "" : ` after ${count === 1 ? "1 job" : `${count} jobs`}`;
  say(`${signals.first.reason}: stopping${running}; again to stop at once.`);
  return exitCodes.ok;
}

/** When a signal came first, what has failed until then doesn't matter. */
async function untilDrained(
  drained: Promise<DrainCounts>,
  { signals, supervised }: Work,
): Promise<ExitCode> {
  const counts = await Promise.race([drained, aborted(signals.first).then(() => null)]);
  if (counts === null) return exitCodes.ok;
  if (supervised === null) say(describeDrained(counts));
  else supervised.supervision.tell({ kind: "drained", counts });
  return counts.failed > 0 ? exitCodes.failed : exitCodes.ok;
}
