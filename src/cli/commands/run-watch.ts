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
import { findExample } from "../find-example.ts";
import { Keys } from "../keys.ts";
import { type OpenDatabase, openDatabase } from "../open-database.ts";
import { say, sayError, sayWarning } from "../output.ts";
import { reportProcess } from "../processes/report-process.ts";
import type { Supervised } from "../processes/supervision.ts";
import { serveBeside } from "../serve-http.ts";
import { showStart } from "../show-start.ts";
import { aborted, hurried, type StopRequests, StopSignals } from "../stop-signals.ts";
import { surviveStrayErrors } from "../survive-stray-errors.ts";
import { WatchKeys } from "../watch-keys.ts";
import { watchReport } from "../watch-report.ts";

/** A developer's process that was killed should give its jobs back soon. */
const heartbeatIntervalMs = 500;

export interface WatchOptions {
  /** A load of this process: what it took from `.env` is replaced. */
  readonly previous?: LoadedConfig;
  /** By whom, and what it does that the others don't; null when it is alone. */
  readonly supervised: Supervised | null;
}

export async function runWatch(args: CommandArguments, options: WatchOptions): Promise<ExitCode> {
  if (!GraphLoader.isAvailable() && (options.supervised?.greets ?? true)) {
    sayWarning(
      `Node ${process.versions.node} runs without --experimental-vm-modules: saved code is` +
        " followed, but the old stays in memory. Start taskrun anew now and then.",
    );
  }
  return new Watch(args, options).run();
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
  readonly #signals: StopRequests;
  readonly #supervised: Supervised | null;
  readonly #configReloader: ConfigReloader;
  readonly #watchKeys: WatchKeys;
  readonly #keys: Keys;
  #current: Current | null = null;
  #logger: Logger | null = null;
  #runtime: Runtime | null = null;

  constructor(args: CommandArguments, { supervised, previous }: WatchOptions) {
    this.#supervised = supervised;
    this.#signals = supervised?.supervision ?? startSignals();
    supervised?.supervision.onPause((paused) => this.#pause(paused));
    this.#configReloader = new ConfigReloader({
      ...args.forConfig(),
      ...(previous && { previous }),
    });
    this.#watchKeys = new WatchKeys({
      runtime: () => this.#now().session.runtime,
      db: () => this.#now().pool,
      schemas: () => schemasFor(this.#now().config.schema),
      keys: () => this.#keys,
      onPause: (paused) => supervised?.supervision.tell({ kind: "pause", paused }),
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
    const loaded = await this.#configReloader.load();
    this.#logger = await this.#createLogger(loaded.config);
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
      next = { loaded, database: await openDatabase(loaded.config, { signal, forWork: true }) };
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
          this.#say("Starting again as before.");
          next = {
            loaded: before,
            database: await openDatabase(before.config, { signal, forWork: true }),
          };
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
    const logger = await this.#createLogger(config);
    this.#logger = logger;
    const next = Promise.withResolvers<Beginning>();
    const report = watchReport(() => session.runtime, { isLeader: this.#leads });
    const session: WatchSession = new WatchSession({
      configReloader: this.#configReloader,
      loaded: { ...loaded, config },
      connectionString,
      loader: createLoader(config, report),
      layersOf: configLayers,
      logger,
      report,
      writesTypes: this.#leads,
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
      if (this.#supervised !== null) {
        reportProcess(this.#supervised, runtime, { config, connectionString });
      }
      this.#watchKeys.follow(runtime);
      await session.start();
      this.#current = { session, pool, config };
      const supervised = this.#supervised;
      // The port is free only once the predecessor stops; at a first start it has to be.
      if (supervised?.replaces) supervised.supervision.tell({ kind: "working" });
      await this.#showStart(config, database, logger);
      const place = { config, connectionString, logger, showsLink: true };
      http = await serveBeside(runtime, place, supervised);
      if (supervised?.replaces === false) supervised.supervision.tell({ kind: "working" });
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
    if (needsStart.includes("processes")) {
      this.#say("processes changed: how many there are stays until you start taskrun again.");
      if (needsStart.length === 1) return null;
    }
    try {
      // Before the process that runs is stopped: it goes on if there is no such database.
      const database = await openDatabase(loaded.config, { waitMs: 0, forWork: true });
      this.#say(`↻ ${needsStart.join(", ")} changed: starting anew`);
      return { loaded, database };
    } catch (error) {
      tell(error);
      this.#say("Going on with the database of before.");
      return null;
    }
  }

  async #showStart(config: ResolvedConfig, database: OpenDatabase, logger: Logger): Promise<void> {
    const hasKeys = this.#leads && process.stdin.isTTY === true;
    const keys = hasKeys ? this.#watchKeys.actions : [];
    const { catalog, crontab } = this.#now().session.runtime;
    if (this.#supervised?.greets ?? true) {
      const example = await findExample(catalog);
      showStart({ config, catalog, crontab, database, logger, once: false, keys, example });
    }
    if (hasKeys) this.#keys.start();
  }

  async #untilStopped(): Promise<null> {
    await aborted(this.#signals.first);
    return null;
  }

  #tellStop(count: number): void {
    // A supervisor speaks for all.
    if (this.#supervised !== null) return;
    const running = count === 0 ? "" : ` after ${count === 1 ? "1 job" : `${count} jobs`}`;
    say(`${this.#signals.first.reason}: stopping${running}; again to stop at once.`);
  }

  /** What all processes would say alike is said by one. */
  #say(text: string): void {
    if (this.#leads) say(text);
  }

  get #leads(): boolean {
    return this.#supervised?.leads ?? true;
  }

  #createLogger(config: ResolvedConfig): Promise<Logger> {
    return createLogger({ config, stream: process.stdout, showPid: this.#supervised !== null });
  }

  /** Another process's key has been pressed. */
  #pause(paused: boolean): void {
    const runtime = this.#current?.session.runtime;
    if (paused) void runtime?.pause();
    else runtime?.resume();
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

function startSignals(): StopSignals {
  const signals = new StopSignals();
  signals.start();
  return signals;
}

function inWatchMode({ config, sources }: LoadedConfig): ResolvedConfig {
  return sources.heartbeatInterval === "default" ? { ...config, heartbeatIntervalMs } : config;
}

function tell(error: unknown): void {
  const { message, hint } = explainError(error);
  sayError(message, hint);
}
