/**
 * Every option of taskrun: kind, default, limits and one sentence. Flags, environment names,
 * help and the reference page are derived from this table; nothing else describes an option.
 * Holds data only, so that `taskrun --help` needs nothing more; `check-option` does the checking.
 */

import type { UserConfig } from "./define-config.ts";

export type OptionName = keyof UserConfig;

export interface OptionSpec {
  /** How text from a flag or the environment becomes a value. "code" is for the file only. */
  readonly kind: "text" | "path" | "integer" | "duration" | "boolean" | "choice" | "list" | "code";
  /** As an author would write it in worker.config.ts. */
  readonly default: unknown;
  /** One sentence for help and docs, without a full stop. */
  readonly sentence: string;
  /** integer: a plain number; duration: milliseconds. */
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** Only where the name isn't derived from the option's. */
  readonly env?: string;
  readonly flag?: string;
  readonly shortFlag?: string;
  /** Values of a secret option are never shown. */
  readonly secret?: true;
}

/** The longest time a timer of Node can wait: 24.8 days. */
const longestTimerMs = 2_147_483_647;

export const schema = {
  connection: {
    kind: "text",
    default: null,
    sentence: "Postgres URL; without one, an embedded Postgres is started in dataDir",
    env: "DATABASE_URL",
    shortFlag: "c",
    secret: true,
  },
  schema: {
    kind: "text",
    default: "graphile_worker",
    sentence: "Database schema of the queue, graphile-worker's own",
  },
  tasks: {
    kind: "path",
    default: "tasks",
    sentence: "Folder with the task files",
  },
  crontab: {
    kind: "path",
    default: "crontab",
    sentence: "File with the jobs that are queued by the clock; false = none",
  },
  concurrency: {
    kind: "integer",
    default: 10,
    min: 1,
    max: 10_000,
    sentence: "How many attempts this process runs at the same time",
    shortFlag: "j",
  },
  processes: {
    kind: "integer",
    default: 1,
    min: 1,
    max: 256,
    sentence:
      "How many processes run the tasks, each with its own concurrency; auto = one per core",
  },
  maxRss: {
    kind: "integer",
    default: null,
    min: 1,
    max: 1_048_576,
    sentence: "Megabytes of memory above which a process ends its jobs and exits with 75",
  },
  pollInterval: {
    kind: "duration",
    default: "2s",
    min: 1,
    max: longestTimerMs,
    sentence: "How often to look for due jobs when no notification came",
  },
  shutdownGrace: {
    kind: "duration",
    default: "5s",
    min: 0,
    max: longestTimerMs,
    sentence: "How long a stop lets handlers end before ctx.signal aborts",
  },
  shutdownDeadline: {
    kind: "duration",
    default: "5s",
    min: 0,
    max: longestTimerMs,
    sentence: "How long after that abort a stop waits before it gives the jobs back",
  },
  timeoutGrace: {
    kind: "duration",
    default: "5s",
    min: 0,
    max: longestTimerMs,
    sentence: "How long an attempt that timed out may still run before it is settled without it",
  },
  heartbeatInterval: {
    kind: "duration",
    default: "2s",
    min: 10,
    max: 600_000,
    sentence: "How often this process shows the others that it lives",
  },
  maxBlock: {
    kind: "duration",
    default: "10m",
    min: 1_000,
    max: longestTimerMs,
    sentence: "How long the event loop may be blocked before others run this process's jobs",
  },
  importTimeout: {
    kind: "duration",
    default: "10s",
    min: 1,
    max: longestTimerMs,
    sentence: "How long one task file may take to import",
  },
  warmStart: {
    kind: "boolean",
    default: true,
    sentence: "Whether unchanged task files are imported only when they are needed, or soon after",
  },
  handlerPoolSize: {
    kind: "integer",
    default: 10,
    min: 1,
    max: 1000,
    sentence: "How many connections handlers may use at the same time",
  },
  logLevel: {
    kind: "choice",
    default: "info",
    choices: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    sentence: "The least important log lines that are written",
  },
  logFormat: {
    kind: "choice",
    default: "auto",
    choices: ["auto", "pretty", "json"],
    sentence: "How log lines look; auto is pretty on a terminal and JSON elsewhere",
  },
  redact: {
    kind: "list",
    default: [],
    sentence:
      "What is never logged: names of fields at any depth (ssn), paths in pino's syntax (user.name); !cookie shows what is hidden by default",
  },
  logPayloads: {
    kind: "boolean",
    default: false,
    sentence: "Whether payloads are logged",
  },
  keepLogs: {
    kind: "boolean",
    default: true,
    sentence: "Whether the last lines that a handler logs are kept with its job",
  },
  dataDir: {
    kind: "path",
    default: ".taskrun",
    sentence:
      "Folder for what taskrun keeps on disk: the embedded Postgres, what a start found out",
  },
  httpPort: {
    kind: "integer",
    default: null,
    min: 0,
    max: 65_535,
    sentence: "Port of the HTTP API; run has none unless it is set, serve takes 3000; 0 = any",
  },
  httpHost: {
    kind: "text",
    default: "127.0.0.1",
    sentence: "Address that the HTTP API listens on; others than this machine need a token",
  },
  httpPrefix: {
    kind: "text",
    default: "",
    sentence: "Path that the HTTP API is beneath, such as /jobs",
  },
  httpTrustProxy: {
    kind: "list",
    default: [],
    sentence: "Addresses of reverse proxies whose X-Forwarded-… headers are believed",
  },
  httpCorsOrigins: {
    kind: "list",
    default: [],
    sentence: "Origins of pages elsewhere that may ask the HTTP API with a token",
  },
  httpEnqueueRate: {
    kind: "integer",
    default: null,
    min: 1,
    max: 1_000_000,
    sentence: "Tasks that each token may create by HTTP in a minute",
  },
  defaults: {
    kind: "code",
    default: {},
    sentence:
      "Policies of every task that doesn't set its own: retry, timeout, priority, classify, breaker, retain, redact, isolate",
  },
  middleware: {
    kind: "code",
    default: [],
    sentence: "Functions around every attempt, the first one outermost",
  },
  plugins: {
    kind: "code",
    default: [],
    sentence: "Bundles of middleware, listeners and services, made with definePlugin",
  },
  classify: {
    kind: "code",
    default: null,
    sentence: "Says of an error whether another attempt could help: permanent or retryable",
  },
} as const satisfies Record<OptionName, OptionSpec>;

/** In the table's order. */
export const optionNames = Object.freeze(
  Object.keys(schema) as OptionName[], // why: Object.keys loses the key type
);

export function optionSpec(name: OptionName): OptionSpec {
  return schema[name];
}

/** `shutdownGrace` → `TASKRUN_SHUTDOWN_GRACE`; null for what only the file can say. */
export function environmentName(name: OptionName): string | null {
  const spec = optionSpec(name);
  if (spec.kind === "code") return null;
  return spec.env ?? `TASKRUN_${name.replaceAll(/[A-Z]/g, "_$&").toUpperCase()}`;
}

/** `shutdownGrace` → `shutdown-grace`, without dashes before it; null as for the environment. */
export function flagName(name: OptionName): string | null {
  const spec = optionSpec(name);
  if (spec.kind === "code") return null;
  return spec.flag ?? name.replaceAll(/[A-Z]/g, "-$&").toLowerCase();
}
