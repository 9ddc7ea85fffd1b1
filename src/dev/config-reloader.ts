/**
 * Reads the configuration again when one of its files has changed, and says what that asks
 * for: nothing, other functions around the tasks, or a new start. Applies nothing itself.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type LoadConfigOptions, type LoadedConfig, loadConfig } from "../config/load-config.ts";
import { configFileNames } from "../config/read-config-file.ts";
import type { ResolvedConfig } from "../config/resolved-config.ts";
import { FreshImport } from "./fresh-import.ts";

export interface ConfigChange {
  readonly loaded: LoadedConfig;
  /**
   * Options, and variables of `.env`, that a running process can't take over: it has to start
   * anew. Empty when only `defaults`, `middleware` or `classify` may have changed.
   */
  readonly needsStart: readonly string[];
}

/** What is around the tasks applies from the next attempt on, wherever it is written. */
const appliedLive: ReadonlySet<string> = new Set([
  "defaults",
  "middleware",
  "classify",
  "configFile",
]);

export class ConfigReloader {
  readonly #options: LoadConfigOptions;
  readonly #fresh = new FreshImport();
  #loaded: LoadedConfig | null = null;
  #contents: ReadonlyMap<string, string | null> = new Map();
  #isBroken = false;

  constructor(options: LoadConfigOptions) {
    this.#options = options;
  }

  /** The files that were read, and those that would be if they existed; absolute. */
  get files(): readonly string[] {
    return [...this.#contents.keys()];
  }

  /** @throws ConfigError */
  async load(): Promise<LoadedConfig> {
    const loaded = await this.#fresh.run((importQuery) =>
      loadConfig({ ...this.#options, importQuery }),
    );
    this.#accept(loaded);
    return loaded;
  }

  /**
   * Null when none of the changed files matters. A configuration that is wrong leaves the last
   * good one in force, and is read again at the next change, whichever it is: a file that it
   * lacked may have come.
   *
   * @throws ConfigError
   */
  async change(paths: readonly string[]): Promise<ConfigChange | null> {
    const previous = this.#loaded;
    if (previous === null) return null;
    const isConcerned = paths.some((path) => this.#contents.has(path));
    if (!isConcerned && !this.#isBroken) return null;
    const contents = readAll(this.files);
    if (!this.#isBroken && isDeepStrictEqual(contents, this.#contents)) return null;
    this.#isBroken = true;
    try {
      const loaded = await this.#fresh.run((importQuery) =>
        loadConfig({ ...this.#options, importQuery, previous }),
      );
      this.#accept(loaded);
      return { loaded, needsStart: whatNeedsStart(previous, loaded) };
    } catch (error) {
      this.#contents = new Map([...contents, ...readAll([...this.#fresh.files])]);
      throw error;
    }
  }

  #accept(loaded: LoadedConfig): void {
    const { projectDir, configFile } = loaded.config;
    const named = this.#options.configFile === undefined ? configFileNames : [];
    const candidates = [".env", ...named].map((name) => join(projectDir, name));
    const imported = configFile === null ? [] : [configFile, ...this.#fresh.files];
    this.#contents = readAll([...candidates, ...imported]);
    this.#loaded = loaded;
    this.#isBroken = false;
  }
}

function readAll(files: readonly string[]): Map<string, string | null> {
  return new Map(files.map((file) => [file, textOf(file)]));
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function whatNeedsStart(before: LoadedConfig, after: LoadedConfig): string[] {
  // why: Object.keys loses the key type
  const names = Object.keys(after.config) as (keyof ResolvedConfig)[];
  const options = names.filter(
    (name) => !appliedLive.has(name) && !isDeepStrictEqual(before.config[name], after.config[name]),
  );
  const variables = Object.keys({ ...before.dotEnv, ...after.dotEnv }).filter(
    (name) => before.dotEnv[name] !== after.dotEnv[name],
  );
  return [...options.map((name) => name.replace(/(?:Ms|Mb)$/, "")), ...variables];
}
