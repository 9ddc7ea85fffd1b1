/**
 * taskrun with its default settings, its tasks given by value instead of by files. It is the built
 * one, as people have it: run from its sources, its thread would first load a compiler, in each
 * round again.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { TaskLoader } from "../../src/core/catalog.ts";
import type { Task } from "../../src/core/task.ts";
import type { BenchHandler, RunningSide, Side } from "./side.ts";

export interface TaskrunSideOptions {
  readonly name: string;
  readonly connectionString: string;
  /** Default: taskrun's own. */
  readonly concurrency?: number;
  /** How many jobs of a task may run at once, by its name. Default: no limits of their own. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Every task's payload is checked with it. Default: none. */
  readonly payload?: StandardSchemaV1;
  /** The checkout whose build it is. Default: this one. */
  readonly checkout?: string;
}

const here = join(import.meta.dirname, "../..");

/** What of the build is used here. */
interface Build {
  readonly loadConfig: typeof import("../../src/config/load-config.ts").loadConfig;
  readonly resolveTask: typeof import("../../src/core/resolve-task.ts").resolveTask;
  readonly createLogger: typeof import("../../src/runtime/create-logger.ts").createLogger;
  readonly createRuntime: typeof import("../../src/runtime/create-runtime.ts").createRuntime;
}

async function loadBuild(checkout: string): Promise<Build> {
  const dist = join(checkout, "dist");
  if (!existsSync(dist)) throw new Error(`${dist} is missing: run \`npm run build\` there first`);
  const load = (file: string) => import(pathToFileURL(join(dist, file)).href);
  const modules = await Promise.all(
    [
      "config/load-config.js",
      "core/resolve-task.js",
      "runtime/create-logger.js",
      "runtime/create-runtime.js",
    ].map(load),
  );
  // why: the build has what its sources export
  return Object.assign({}, ...modules) as Build;
}

export interface TaskrunSide extends Side {
  start(handlers: Readonly<Record<string, BenchHandler>>): Promise<RunningTaskrun>;
}

export interface RunningTaskrun extends RunningSide {
  /** Takes no jobs until `resume`. */
  pause(): Promise<void>;
  resume(): void;
}

export function taskrunSide(options: TaskrunSideOptions): TaskrunSide {
  return {
    name: options.name,
    keepsHistory: true,
    async start(handlers) {
      const build = await loadBuild(options.checkout ?? here);
      const config = await quietConfig(build, options.concurrency);
      const runtime = build.createRuntime({
        config,
        connectionString: options.connectionString,
        loader: loaderOf(build, handlers, options),
        logger: await build.createLogger({ config, stream: process.stderr }),
      });
      await runtime.start();
      if (runtime.catalog.tasks.size === 0) throw new Error(`${options.name} has no tasks`);
      return {
        settled: async () => void (await runtime.drain()),
        pause: () => runtime.pause(),
        resume: () => runtime.resume(),
        stop: async () => void (await runtime.stop()),
      };
    },
    async close() {},
  };
}

/** The defaults: neither the environment nor a config file has a say. */
async function quietConfig({ loadConfig }: Build, concurrency: number | undefined) {
  const { config } = await loadConfig({
    folder: import.meta.dirname,
    environment: {},
    flags: { logLevel: "silent", ...(concurrency && { concurrency: String(concurrency) }) },
  });
  return config;
}

function loaderOf(
  { resolveTask }: Build,
  handlers: Readonly<Record<string, BenchHandler>>,
  { payload, limits = {} }: TaskrunSideOptions,
): TaskLoader {
  const tasks = Object.entries(handlers).map(([name, handler]): [string, Task] => [
    name,
    resolveTask(
      {
        handler,
        ...(payload && { payload }),
        ...(limits[name] !== undefined && { concurrency: limits[name] }),
      },
      { name, file: import.meta.filename, version: 1, layers: [] },
    ),
  ]);
  return {
    load: async () => ({ tasks: new Map(tasks), failures: [] }),
    close: async () => {},
  };
}
