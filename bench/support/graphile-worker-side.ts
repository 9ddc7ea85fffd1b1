/** graphile-worker alone, through its public interface, with the settings a bench asks for. */

import { Logger, type RunnerOptions, run } from "graphile-worker";
import pg from "pg";
import type { Side } from "./side.ts";

/** The fastest public settings that were found for draining many small jobs. */
export const fastestSettings: Partial<RunnerOptions> = {
  concurrency: 24,
  preset: {
    worker: { localQueue: { size: 2000 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
  },
};

export interface GraphileWorkerSideOptions {
  readonly name: string;
  readonly connectionString: string;
  readonly settings: Partial<RunnerOptions>;
  /** How many runners work side by side in this process. Default 1. */
  readonly runners?: number;
  /** Keeps its connections from round to round. Default: makes them in each, as taskrun does. */
  readonly staysConnected?: boolean;
}

export function graphileWorkerSide(options: GraphileWorkerSideOptions): Side {
  const { connectionString, settings, runners = 1, staysConnected = false } = options;
  const connect = () => Array.from({ length: runners }, () => createPool(connectionString));
  const kept = staysConnected ? connect() : null;
  return {
    name: options.name,
    keepsHistory: false,
    async start(handlers) {
      const pools = kept ?? connect();
      const running = await Promise.all(
        pools.map((pgPool) =>
          run({
            ...settings,
            pgPool,
            taskList: Object.fromEntries(
              Object.entries(handlers).map(([task, handler]) => [
                task,
                // Returned arrays mean something to it; the outputs here are for taskrun.
                async (payload: unknown) => void (await handler(payload)),
              ]),
            ),
            logger: silentLogger,
            noHandleSignals: true,
            parsedCronItems: [],
          }),
        ),
      );
      let settled: Promise<void> | undefined;
      // Only its stop waits for completions that are on their way.
      const settle = () => {
        settled ??= Promise.all(running.map((runner) => runner.stop())).then(() => undefined);
        return settled;
      };
      return {
        settled: settle,
        async stop() {
          await settle();
          if (kept === null) await Promise.all(pools.map((pool) => pool.end()));
        },
      };
    },
    async close() {
      await Promise.all((kept ?? []).map((pool) => pool.end()));
    },
  };
}

const silentLogger = new Logger(() => () => {});

function createPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 30 });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}
