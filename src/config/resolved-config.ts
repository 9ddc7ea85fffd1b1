/** Every setting of a taskrun process, resolved: what the rest of the house reads. */

import type { Middleware } from "../core/middleware.ts";
import type { Plugin } from "../core/plugin.ts";
import type { Classify, TaskDefaults } from "../core/task.ts";

export interface ResolvedConfig {
  /** Absolute path of the project: where worker.config.ts and tasks/ are. */
  readonly projectDir: string;
  /** The config file that was read; null when there is none. */
  readonly configFile: string | null;
  /** Postgres URL; null = the embedded Postgres in `dataDir`. */
  readonly connection: string | null;
  /** graphile-worker's schema. Ours is "taskrun" beside "graphile_worker", else `${schema}_taskrun`. */
  readonly schema: string;
  /** Absolute path of the tasks folder. */
  readonly tasks: string;
  /** Absolute path of the crontab, which need not exist; false = none. */
  readonly crontab: string | false;
  /** Absolute path of `.taskrun`: embedded Postgres, outbox. */
  readonly dataDir: string;
  /** Attempts at the same time in this process. */
  readonly concurrency: number;
  /** Processes that run the tasks; above 1, one more supervises them. */
  readonly processes: number;
  /** Megabytes of resident memory above which a process ends its jobs and exits; null = none. */
  readonly maxRssMb: number | null;
  /** How often to look for due jobs when no notification came. */
  readonly pollIntervalMs: number;
  /** How long a stop lets handlers end before `ctx.signal` aborts. */
  readonly shutdownGraceMs: number;
  /** How long after the abort a stop still waits before it gives the attempts back. */
  readonly shutdownDeadlineMs: number;
  /** How long an attempt that timed out may still run before it is settled without it. */
  readonly timeoutGraceMs: number;
  /** How often this process shows that it lives. */
  readonly heartbeatIntervalMs: number;
  /** How long the event loop may be blocked before this process no longer shows that it lives. */
  readonly maxBlockMs: number;
  /** How long one task file may take to import. */
  readonly importTimeoutMs: number;
  /** Whether task files that are as they were at the last start are imported when needed. */
  readonly warmStart: boolean;
  /** Connections that handlers may use at the same time through `ctx.query`. */
  readonly handlerPoolSize: number;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  /** "auto" = pretty on a terminal, JSON elsewhere. */
  readonly logFormat: "auto" | "pretty" | "json";
  /** What is never logged: see `core/log-redaction`. */
  readonly redact: readonly string[];
  /** Whether payloads are logged. */
  readonly logPayloads: boolean;
  /** Whether the lines of `ctx.log`, info and above, are kept with the job. */
  readonly keepLogs: boolean;
  /** Port of the HTTP API; 0 = any that is free, null = none beside the jobs. */
  readonly httpPort: number | null;
  /** Address that the HTTP API listens on. */
  readonly httpHost: string;
  /** Path that the HTTP API is beneath: "" or "/jobs". */
  readonly httpPrefix: string;
  /** Addresses and networks of proxies whose X-Forwarded-… headers are believed. */
  readonly httpTrustProxy: readonly string[];
  /** Origins of pages elsewhere that may ask the HTTP API. */
  readonly httpCorsOrigins: readonly string[];
  /** In a minute, by each token; null = no limit. */
  readonly httpEnqueueRate: number | null;
  readonly defaults: TaskDefaults;
  readonly middleware: readonly Middleware[];
  readonly plugins: readonly Plugin[];
  readonly classify: Classify | null;
}
