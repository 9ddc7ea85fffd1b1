/** taskrun with its default settings, its tasks given by value instead of by files. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { loadConfig } from "../../src/config/load-config.ts";
import type { TaskLoader } from "../../src/core/catalog.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import type { Task } from "../../src/core/task.ts";
import { createLogger } from "../../src/runtime/create-logger.ts";
import { createRuntime } from "../../src/runtime/create-runtime.ts";
import type { BenchHandler, Side } from "./side.ts";

export interface TaskrunSideOptions {
  readonly name: string;
  readonly connectionString: string;
  /** Default: taskrun's own. */
  readonly concurrency?: number;
  /** Every task's payload is checked with it. Default: none. */
  readonly payload?: StandardSchemaV1;
}

export function taskrunSide(options: TaskrunSideOptions): Side {
  return {
    name: options.name,
    keepsHistory: true,
    async start(handlers) {
      const config = await quietConfig(options.concurrency);
      const runtime = createRuntime({
        config,
        connectionString: options.connectionString,
        loader: loaderOf(handlers, options.payload),
        logger: await createLogger({ config, stream: process.stderr }),
      });
      await runtime.start();
      if (runtime.catalog.tasks.size === 0) throw new Error(`${options.name} has no tasks`);
      return {
        settled: async () => void (await runtime.drain()),
        stop: async () => void (await runtime.stop()),
      };
    },
    async close() {},
  };
}

/** The defaults: neither the environment nor a config file has a say. */
async function quietConfig(concurrency: number | undefined) {
  const { config } = await loadConfig({
    folder: import.meta.dirname,
    environment: {},
    flags: { logLevel: "silent", ...(concurrency && { concurrency: String(concurrency) }) },
  });
  return config;
}

function loaderOf(
  handlers: Readonly<Record<string, BenchHandler>>,
  payload: StandardSchemaV1 | undefined,
): TaskLoader {
  const tasks = Object.entries(handlers).map(([name, handler]): [string, Task] => [
    name,
    resolveTask(
      { handler, ...(payload && { payload }) },
      { name, file: import.meta.filename, version: 1, layers: [] },
    ),
  ]);
  return {
    load: async () => ({ tasks: new Map(tasks), failures: [] }),
    close: async () => {},
  };
}
