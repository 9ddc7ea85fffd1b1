/**
 * `taskrun --watch`: a process that follows the changes of its files until it is told to stop.
 * A configuration that only a new start can take over gets one, in this process; when that
 * fails, the last good one starts again.
 */

import pg from "pg";
import type { LoadedConfig } from "../../config/load-config.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import type { Logger } from "../../core/logger.ts";
import { type ConfigChange, ConfigReloader } from "../../dev/config-reloader.ts";
import { GraphLoader } from "../../dev/graph-loader.ts";
import { NativeReloadLoader } from "../../dev/native-reload-loader.ts";
import { type WatchReport, WatchSession } from "../../dev/watch-session.ts";
import type { HttpServer } from "../../http/start-http-server.ts";
import { createLogger } from "../../runtime/create-logger.ts";
import { configLayers } from "../../runtime/project-loader.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { schemasFor } from "../../store/schemas.ts";
import type { CommandArguments } from "../command-arguments.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { explainError } from "../explain-error.ts";
import { Keys } from "../keys.ts";
import { type OpenDatabase, openDatabase } from "../open-database.ts";
import { say, sayError, sayWarning } from "../output.ts";
import { serveBeside } from "../serve-http.ts";
import { showStart } from "../show-start.ts";
import { aborted, hurried, StopSignals } from "../stop-signals.ts";
import { surviveStrayErrors } from "../survive-stray-errors.ts";
import { WatchKeys } from "../watch-keys.ts";
import { watchReport } from "../watch-report.ts";

/** A developer's process that was killed should give its jobs back soon. */
const heartbeatIntervalMs = 500;

export async function runWatch(args: CommandArguments): Promise<ExitCode> {
  if (!GraphLoader.isAvailable()) {
    sayWarning(
      `Node ${process.versions.node} runs without --experimental-vm-modules: saved code is` +
        " followed, but the old stays in memory. Start taskrun anew now and then.",
    );
  }
  return new Watch(args).run();
}

/** What a session starts with. */
interface Beginning {
  readonly loaded: LoadedConfig;
  readonly database: OpenDatabase;
}

/** A session that runs, and what the keys work on. */
interface Current {
  readonly session: WatchSession;
  readonly pool: pg.Pool;
  readonly config: ResolvedConfig;
}

class Watch {
  readonly #signals = new StopSignals();
  readonly #configReloader: ConfigReloader;
  readonly #watchKeys: WatchKeys;
  readonly #keys: Keys;
  #current: Current | null = null;
  #logger: Logger | null = null;
  #runtime: Runtime | null = null;

  constructor(args: CommandArguments) {
    this.#configReloader = new ConfigReloader(args.forConfig());
    this.#watchKeys = new WatchKeys({
      runtime: () => this.#now().session.runtime,
      db: () => this.#now().pool,
      schemas: () => schemasFor(this.#now().config.schema),
      keys: () => this.#keys,
      quit: () => this.#signals.ask("q"),
    });
    this.#keys = new Keys({
      input: process.stdin,
      output: process.stderr,
      actions: this.#watchKeys.actions,
      onInterrupt: () => this.#signals.ask("Ctrl-C"),
      onError: tell,
    });
  }

  async run(): Promise<ExitCode> {
    this.#signals.start();
    const loaded = await this.#configReloader.load();
    this.#logger = await createLogger({ config: loaded.config, stream: process.stdout });
    const logger = this.#logger;
    surviveStrayErrors(
      () => this.#logger ?? logger,
      () => this.#runtime,
    );
    try {
      return await Promise.race([
        this.#sessions(loaded),
        hurried(this.#signals).then(() => exitCodes.ok),
      ]);
    } finally {
      this.#keys.stop();
    }
  }

  async #sessions(loaded: LoadedConfig): Promise<ExitCode> {
    const signal = this.#signals.first;
    const good: { loaded: LoadedConfig | null } = { loaded: null };
    let next: Beginning | null = null;
    try {
      next = { loaded, database: await openDatabase(loaded.config, { signal }) };
      while (next !== null) {
        const { loaded: mine }: Beginning = next;
        try {
          next = await this.#session(next, () => {
            good.loaded = mine;
          });
        } catch (error) {
          const { loaded: before } = good;
          if (before === null || before === mine) throw error;
          tell(error);
          say("Starting again as before.");
          next = { loaded: before, database: await openDatabase(before.config, { signal }) };
        }
      }
      return exitCodes.ok;
    } catch (error) {
      // Whatever a start trips over once it was told to stop is of no interest any more.
      if (signal.aborted) return exitCodes.ok;
      throw error;
    }
  }

  /** Returns what to begin anew with; null when it is to stop. */
  async #session(beginning: Beginning, onStarted: () => void): Promise<Beginning | null> {
    const { loaded, database } = beginning;
    const config = inWatchMode(loaded);
    const { connectionString } = database;
    const logger = await createLogger({ config, stream: process.stdout });
    this.#logger = logger;
    const next = Promise.withResolvers<Beginning>();
    const report = watchReport(() => session.runtime);
    const session: WatchSession = new WatchSession({
      configReloader: this.#configReloader,
      loaded: { ...loaded, config },
      connectionString,
      loader: createLoader(config, report),
      layersOf: configLayers,
      logger,
      report,
      onNeedsStart: async (change) => {
        const begin = await this.#prepareStart(change);
        if (begin !== null) next.resolve(begin);
      },
    });
    const { runtime } = session;
    this.#runtime = runtime;
    const pool = new pg.Pool({ connectionString, max: 1, application_name: "taskrun keys" });
    pool.on("error", () => {});
    void aborted(this.#signals.second).then(() => runtime.stopNow());
    let http: HttpServer | null = null;
    try {
      if (this.#signals.first.aborted) return null;
      this.#watchKeys.follow(runtime);
      await session.start();
      this.#current = { session, pool, config };
      this.#showStart(config, database, logger);
      const serving = { config, connectionString, logger, showsLink: true };
      http = await serveBeside(runtime, serving);
      onStarted();
      const begin = await Promise.race([next.promise, this.#untilStopped()]);
      if (begin === null) this.#tellStop(runtime.running);
      return begin;
    } finally {
      await Promise.all([http?.close(), session.stop()]);
      await pool.end();
      await database.close();
    }
  }

  async #prepareStart({ loaded, needsStart }: ConfigChange): Promise<Beginning | null> {
    try {
      // Before the process that runs is stopped: it goes on if there is no such database.
      const database = await openDatabase(loaded.config, { waitMs: 0 });
      say(`↻ ${needsStart.join(", ")} changed: starting anew`);
      return { loaded, database };
    } catch (error) {
      tell(error);
      say("Going on with the database of before.");
      return null;
    }
  }

  #showStart(config: ResolvedConfig, database: OpenDatabase, logger: Logger): void {
    const hasKeys = process.stdin.isTTY === true;
    const keys = hasKeys ? this.#watchKeys.actions : [];
    const { catalog, crontab } = this.#now().session.runtime;
    showStart({ config, catalog, crontab, database, logger, once: false, keys });
    if (hasKeys) this.#keys.start();
  }

  async #untilStopped(): Promise<null> {
    await aborted(this.#signals.first);
    return null;
  }

  #tellStop(count: number): void {
    const running = count === 0 ? "" : ` after ${count === 1 ? "1 job" : `${count} jobs`}`;
    say(`${this.#signals.first.reason}: stopping${running}; again to stop at once.`);
  }

  #now(): Current {
    if (this.#current === null) throw new Error("nothing has been started yet");
    return this.#current;
  }
}

function createLoader(config: ResolvedConfig, report: WatchReport): GraphLoader {
  const { projectDir, tasks: tasksDir, importTimeoutMs } = config;
  const layers = configLayers(config);
  const { disposeFailed: onDisposeError } = report;
  const Loader = GraphLoader.isAvailable() ? GraphLoader : NativeReloadLoader;
  return new Loader({ projectDir, tasksDir, importTimeoutMs, layers, onDisposeError });
}

function inWatchMode({ config, sources }: LoadedConfig): ResolvedConfig {
  return sources.heartbeatInterval === "default" ? { ...config, heartbeatIntervalMs } : config;
}

function tell(error: unknown): void {
  const { message, hint } = explainError(error);
  sayError(message, hint);
}
