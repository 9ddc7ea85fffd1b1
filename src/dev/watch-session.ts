/**
 * One configuration's life in watch mode: a runtime whose tasks follow their files. Owns who
 * takes care of which file; refuses to apply what needs a new start: it tells its owner.
 */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedConfig } from "../config/load-config.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import type { ParsedCrontab } from "../core/crontab.ts";
import type { Logger } from "../core/logger.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import type { Classify } from "../core/task.ts";
import { threadLogOf } from "../runtime/create-logger.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { ConfigChange, ConfigReloader } from "./config-reloader.ts";
import { type FilesTaken, Reloader, type ReloadingLoader, type ReloadReport } from "./reload.ts";
import { taskTypesFileName, writeTaskTypes } from "./write-task-types.ts";

export interface WatchReport extends ReloadReport {
  /** The configuration is wrong now; the last good one holds. */
  configRefused(error: unknown): void;
  /** A new one holds from the next attempt on. */
  configApplied(): void;
  /** What a module gave to `onDispose` or `keep` threw; `source` is its file or the key. */
  disposeFailed(error: unknown, source: string): void;
  /** The crontab has other lines from now on. */
  crontabChanged(file: string, crontab: ParsedCrontab): void;
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
  /** Whether it keeps the generated types up to date; of several processes one does. */
  readonly writesTypes: boolean;
  /** The configuration has changed in what only a new session can take over. */
  readonly onNeedsStart: (change: ConfigChange) => Promise<void>;
}

export class WatchSession {
  readonly runtime: Runtime;
  readonly #options: WatchSessionOptions;
  readonly #reloader: Reloader;
  /** Absolute path; false = there is none. */
  readonly #crontab: string | false;
  #classify: Classify | null;
  #refused: string | null = null;
  #writingTypes: Promise<void> = Promise.resolve();

  constructor(options: WatchSessionOptions) {
    const { loaded, connectionString, loader, logger, report } = options;
    const { config } = loaded;
    this.#options = options;
    this.#classify = config.classify;
    this.#crontab = config.crontab;
    this.runtime = createRuntime({
      config: { ...config, classify: (error) => this.#classify?.(error) },
      connectionString,
      loader,
      logger,
      threadLog: threadLogOf(config),
      tracesErrors: true,
    });
    this.#reloader = new Reloader({
      loader,
      runtime: this.runtime,
      projectDir: config.projectDir,
      tasksDir: config.tasks,
      ignored: [config.dataDir],
      onFiles: (paths) => this.#takeFiles(paths),
      report: {
        ...report,
        changed: (change, liveMs) => {
          report.changed(change, liveMs);
          this.#writeTypes();
        },
      },
    });
  }

  /** Throws what `Runtime.start` throws. */
  async start(): Promise<void> {
    await this.#reloader.watch();
    await this.runtime.start();
    this.#reloader.start(this.#otherFiles());
    this.#writeTypes();
  }

  /** Graceful, as `Runtime.stop`. */
  async stop(): Promise<void> {
    await this.#reloader.stop();
    await this.#writingTypes;
    await this.runtime.stop();
  }

  /** Where there is TypeScript to use them; one writing after another. */
  #writeTypes(): void {
    const { loaded, report, writesTypes } = this.#options;
    if (!writesTypes) return;
    const { projectDir } = loaded.config;
    const names = ["tsconfig.json", taskTypesFileName];
    if (!names.some((name) => existsSync(join(projectDir, name)))) return;
    this.#writingTypes = this.#writingTypes.then(async () => {
      try {
        await writeTaskTypes({ projectDir, catalog: this.runtime.catalog });
      } catch (error) {
        report.trouble(error);
      }
    });
  }

  async #takeFiles(paths: readonly string[]): Promise<FilesTaken> {
    await this.#takeCrontab(paths);
    const layers = await this.#takeConfig(paths);
    return { layers, watch: this.#otherFiles() };
  }

  #otherFiles(): readonly string[] {
    const { files } = this.#options.configReloader;
    return this.#crontab === false ? files : [...files, this.#crontab];
  }

  async #takeCrontab(paths: readonly string[]): Promise<void> {
    if (this.#crontab === false || !paths.includes(this.#crontab)) return;
    const text = await textOf(this.#crontab);
    if (text === this.runtime.crontab.text) return;
    const crontab = await this.runtime.reloadCrontab(text);
    this.#options.report.crontabChanged(this.#crontab, crontab);
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

/** A crontab that is gone says nothing. */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return "";
  }
}
