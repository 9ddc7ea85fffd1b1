/** What an author writes in worker.config.ts. Defaults and limits are in `schema`. */

import type { Duration } from "../core/duration.ts";
import type { Middleware } from "../core/middleware.ts";
import type { Plugin } from "../core/plugin.ts";
import type { Classify, TaskDefaults } from "../core/task.ts";
import type { ResolvedConfig } from "./resolved-config.ts";

/** Every option may be left out. Flags and the environment win over this file. */
export interface UserConfig {
  /** Postgres URL. Default: `DATABASE_URL`; without that, an embedded Postgres. */
  connection?: string | null;
  /** Database schema of the queue. Default "graphile_worker". */
  schema?: string;
  /** Folder with the task files, relative to this file. Default "tasks". */
  tasks?: string;
  /** File with the jobs that are queued by the clock; false = none. Default "crontab". */
  crontab?: string | false;
  /** Attempts at the same time in one process: 1 to 10,000. Default 10. */
  concurrency?: number;
  /** Processes that run the tasks: 1 to 256, or "auto" for one per core. Default 1. */
  processes?: number | "auto";
  /** Megabytes of memory above which a process ends its jobs and exits with 75. Default: none. */
  maxRss?: number | null;
  /** How often to look for due jobs when no notification came. Default "2s". */
  pollInterval?: Duration;
  /** How long a stop lets handlers end before `ctx.signal` aborts. Default "5s". */
  shutdownGrace?: Duration;
  /** How long after that abort a stop waits before it gives the jobs back. Default "5s". */
  shutdownDeadline?: Duration;
  /** How long an attempt that timed out may still run before it is settled. Default "5s". */
  timeoutGrace?: Duration;
  /** How often a process shows the others that it lives. Default "2s". */
  heartbeatInterval?: Duration;
  /** How long the event loop may be blocked before others run the jobs. Default "10m". */
  maxBlock?: Duration;
  /** How long one task file may take to import. Default "10s". */
  importTimeout?: Duration;
  /**
   * Whether task files that are as they were at the last start are imported when their first job
   * comes, or soon after the start, instead of before it. Default true.
   */
  warmStart?: boolean;
  /** Connections that handlers may use at the same time: 1 to 1,000. Default 10. */
  handlerPoolSize?: number;
  /** The least important log lines that are written. Default "info". */
  logLevel?: ResolvedConfig["logLevel"];
  /** Default "auto": pretty on a terminal, JSON elsewhere. */
  logFormat?: ResolvedConfig["logFormat"];
  /**
   * What is never logged, besides passwords, tokens and their like: names of fields at any depth
   * ("ssn"), paths in pino's syntax ("user.name"); "!cookie" shows what is hidden by default.
   */
  redact?: readonly string[];
  /** Whether payloads are logged. Default false. */
  logPayloads?: boolean;
  /** Whether the lines of `ctx.log`, info and above, are kept with the job. Default true. */
  keepLogs?: boolean;
  /** Folder for what taskrun keeps on disk, relative to this file. Default ".taskrun". */
  dataDir?: string;
  /** Port of the HTTP API beside the jobs. Default: none. */
  httpPort?: number | null;
  /** Address that the HTTP API listens on; others than this machine need a token. */
  httpHost?: string;
  /** Path that the HTTP API is beneath, such as "/jobs". Default: none. */
  httpPrefix?: string;
  /**
   * Reverse proxies whose X-Forwarded-… headers are believed: addresses, networks, or "loopback",
   * "linklocal", "uniquelocal". Default: none.
   */
  httpTrustProxy?: readonly string[];
  /** Origins of pages elsewhere that may ask the HTTP API with a token. Default: none. */
  httpCorsOrigins?: readonly string[];
  /** Tasks that each token may create by HTTP in a minute. Default: as many as it likes. */
  httpEnqueueRate?: number | null;
  /** Policies of every task that doesn't set its own. */
  defaults?: TaskDefaults;
  /** Functions around every attempt, the first one outermost. */
  middleware?: readonly Middleware[];
  /** Bundles of middleware, listeners and services. */
  plugins?: readonly Plugin[];
  /** Says of an error whether another attempt could help; undefined leaves it to the table. */
  classify?: Classify | null;
}

/**
 * Types a config file; export the result by default from worker.config.ts.
 *
 * @example
 * export default defineConfig({ concurrency: 20, pollInterval: "1s" });
 */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}
