/**
 * One configuration's life in watch mode: a runtime whose tasks follow their files. Owns who
 * takes care of which file; refuses to apply what needs a new start: it tells its owner.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedConfig } from "../config/load-config.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { Logger } from "../core/logger.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import type { Classify } from "../core/task.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type FilesTaken, Reloader, type ReloadingLoader, type ReloadReport } from "./reload.ts";
import type { ConfigChange, ConfigReloader } from "./reload-config.ts";

export interface WatchReport extends ReloadReport {
  /** The configuration is wrong now; the last good one holds. */
  configRefused(error: unknown): void;
  /** A new one holds from the next attempt on. */
  configApplied(): void;
}

export interface WatchSessionOptions {
  readonly configReloader: ConfigReloader;
  readonly loaded: LoadedConfig;
  readonly connectionString: string;
  readonly loader: ReloadingLoader;
  /** What a configuration gives to all tasks. */
  readonly layersOf: (config: ResolvedConfig) => readonly TaskLayer[];
  readonly logger: Logger;
  readonly report: WatchReport;
  /** The configuration has changed in what only a new session can take over. */
  readonly onNeedsStart: (change: ConfigChange) => Promise<void>;
  /** Gets the crontab's new text; null when it has gone. */
  readonly onCrontabChange: (text: string | null) => Promise<void> | void;
}

export class WatchSession {
  readonly runtime: Runtime;
  readonly #options: WatchSessionOptions;
  readonly #reloader: Reloader;
  readonly #crontab: string;
  #classify: Classify | null;
  #refused: string | null = null;

  constructor(options: WatchSessionOptions) {
    const { loaded, connectionString, loader, logger, report } = options;
    const { config } = loaded;
    this.#options = options;
    this.#classify = config.classify;
    this.#crontab = join(config.projectDir, "crontab");
    this.runtime = createRuntime({
      config: { ...config, classify: (error) => this.#classify?.(error) },
      connectionString,
      loader,
      logger,
    });
    this.#reloader = new Reloader({
      loader,
      runtime: this.runtime,
      projectDir: config.projectDir,
      tasksDir: config.tasks,
      ignored: [config.dataDir],
      onFiles: (paths) => this.#takeFiles(paths),
      report,
    });
  }

  /** Throws what `Runtime.start` throws. */
  async start(): Promise<void> {
    await this.#reloader.watch();
    await this.runtime.start();
    this.#reloader.start(this.#options.configReloader.files);
  }

  /** Graceful, as `Runtime.stop`. */
  async stop(): Promise<void> {
    await this.#reloader.stop();
    await this.runtime.stop();
  }

  async #takeFiles(paths: readonly string[]): Promise<FilesTaken> {
    if (paths.includes(this.#crontab)) {
      await this.#options.onCrontabChange(await textOf(this.#crontab));
    }
    const layers = await this.#takeConfig(paths);
    return { layers, watch: this.#options.configReloader.files };
  }

  async #takeConfig(paths: readonly string[]): Promise<readonly TaskLayer[] | null> {
    const { configReloader, layersOf, report, onNeedsStart } = this.#options;
    try {
      const change = await configReloader.change(paths);
      if (change === null) return null;
      this.#refused = null;
      if (change.needsStart.length > 0) {
        await onNeedsStart(change);
        return null;
      }
      const { config } = change.loaded;
      this.#classify = config.classify;
      report.configApplied();
      return layersOf(config);
    } catch (error) {
      const message = String(error);
      if (message !== this.#refused) report.configRefused(error);
      this.#refused = message;
      return null;
    }
  }
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}
