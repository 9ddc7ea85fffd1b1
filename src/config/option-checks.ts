/**
 * What each option may be, and the form the rest of the house reads it in. Holds rules only:
 * `check-option` applies them and words what is wrong.
 */

import { availableParallelism } from "node:os";
import { z } from "zod";
import { defaultsFaults } from "../core/check-definition.ts";
import { parseDuration } from "../core/duration.ts";
import type { Middleware } from "../core/middleware.ts";
import {
  type Plugin,
  type PluginListeners,
  type PluginService,
  pluginEvents,
} from "../core/plugin.ts";
import type { Classify, TaskDefaults } from "../core/task.ts";
import { schema } from "./schema.ts";

const durationError = 'expected a duration such as "500ms", "30s", "5m", "24h", or milliseconds';

/** The longest identifier of Postgres, less the "_taskrun" of the schema beside this one. */
const longestSchemaName = 63 - "_taskrun".length;

const duration = z
  .union([z.string(), z.number()], { error: durationError })
  .transform((value, context) => {
    try {
      return parseDuration(value);
    } catch {
      context.addIssue({ code: "custom", message: durationError });
      return z.NEVER;
    }
  });

function boundedDuration({ min, max }: { min: number; max: number }) {
  return duration.refine((ms) => ms >= min && ms <= max, {
    error: `expected a duration from ${min} ms to ${max} ms`,
  });
}

function wholeNumber({ min, max }: { min: number; max: number }) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function countOrAuto({ min, max }: { min: number; max: number }) {
  const error = `expected a whole number from ${min} to ${max}, or "auto"`;
  return z
    .union([z.literal("auto"), wholeNumber({ min, max })], { error })
    .transform((value) => (value === "auto" ? Math.min(availableParallelism(), max) : value));
}

function choice<const Choice extends string>({ choices }: { choices: readonly Choice[] }) {
  return z.enum(choices, { error: `expected one of ${choices.join(", ")}` });
}

function functionOf<Signature>() {
  return z.custom<Signature>((value) => typeof value === "function", {
    error: "expected a function",
  });
}

const prefixError = 'expected a path like "/jobs"';

const text = z.string({ error: "expected a text" }).min(1, { error: "expected a text" });

/** A flag and the environment can only say "false". */
const fileOrNone = z
  .union([z.string().min(1), z.literal(false)], { error: "expected a path, or false" })
  .transform((value) => (value === "false" ? false : value));

const taskDefaults = z
  .custom<TaskDefaults>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    { error: "expected an object with retry, timeout, priority or classify" },
  )
  .superRefine((value, context) => {
    for (const { field, problem } of defaultsFaults(value, "defaults")) {
      context.addIssue({
        code: "custom",
        path: field.split("."),
        message: problem,
        params: { isWhole: true },
      });
    }
  });

const listeners = z
  .record(z.string(), functionOf<(...event: never[]) => unknown>())
  .superRefine((given, context) => {
    for (const name of Object.keys(given).filter((event) => !pluginEvents.includes(event))) {
      const message = `expected an event: ${pluginEvents.join(", ")}`;
      context.addIssue({ code: "custom", path: [name], message, params: { isWhole: true } });
    }
  })
  // why: the names are checked; what a listener takes, TypeScript sees in definePlugin
  .transform((given) => given as PluginListeners);

const pluginService = z.custom<PluginService>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    "start" in value &&
    typeof value.start === "function" &&
    "stop" in value &&
    typeof value.stop === "function",
  { error: "expected an object with start() and stop()" },
);

const plugins: z.ZodType<readonly Plugin[]> = z
  .array(
    z.strictObject(
      {
        name: text,
        middleware: z.array(functionOf<Middleware>()).exactOptional(),
        listeners: listeners.exactOptional(),
        services: z.array(pluginService).exactOptional(),
      },
      { error: "expected a plugin: { name, middleware?, listeners?, services? }" },
    ),
    { error: "expected a list of plugins" },
  )
  .superRefine((given, context) => {
    const names = given.map(({ name }) => name);
    for (const [index, name] of names.entries()) {
      if (names.indexOf(name) === index) continue;
      context.addIssue({ code: "custom", path: [index, "name"], message: "expected another name" });
    }
  });

const connection = z
  .string({ error: "expected a Postgres URL" })
  .refine((value) => /^(postgres(ql)?|socket):/.test(value) && URL.canParse(value), {
    error: "expected a URL like postgres://user:password@host:5432/database",
  })
  .nullable();

const schemaName = z
  .string({ error: "expected a schema's name" })
  .regex(/^(?!pg_)[A-Za-z_][A-Za-z0-9_]*$/, {
    error: 'expected letters, digits and "_", starting with a letter and not with "pg_"',
  })
  .max(longestSchemaName, { error: `expected at most ${longestSchemaName} characters` });

export const optionChecks = {
  connection,
  schema: schemaName,
  tasks: text,
  crontab: fileOrNone,
  concurrency: wholeNumber(schema.concurrency),
  processes: countOrAuto(schema.processes),
  maxRss: wholeNumber(schema.maxRss).nullable(),
  pollInterval: boundedDuration(schema.pollInterval),
  shutdownGrace: boundedDuration(schema.shutdownGrace),
  shutdownDeadline: boundedDuration(schema.shutdownDeadline),
  timeoutGrace: boundedDuration(schema.timeoutGrace),
  heartbeatInterval: boundedDuration(schema.heartbeatInterval),
  maxBlock: boundedDuration(schema.maxBlock),
  importTimeout: boundedDuration(schema.importTimeout),
  handlerPoolSize: wholeNumber(schema.handlerPoolSize),
  logLevel: choice(schema.logLevel),
  logFormat: choice(schema.logFormat),
  redact: z.array(text, { error: "expected a list of paths" }),
  logPayloads: z.boolean({ error: "expected true or false" }),
  keepLogs: z.boolean({ error: "expected true or false" }),
  dataDir: text,
  httpPort: wholeNumber(schema.httpPort).nullable(),
  httpHost: text,
  httpPrefix: z
    .string({ error: prefixError })
    .regex(/^((\/[\w.~-]+)*|\/)$/, { error: prefixError })
    .transform((value) => (value === "/" ? "" : value)),
  httpTrustProxy: z.array(
    z.string().regex(/^(loopback|linklocal|uniquelocal|[\da-f.:]+(\/[\d.]+)?)$/i, {
      error: "expected an address, a network, or loopback, linklocal, uniquelocal",
    }),
    { error: "expected a list of addresses" },
  ),
  httpCorsOrigins: z.array(
    z.string().refine((value) => URL.canParse(value) && new URL(value).origin === value, {
      error: 'expected an origin like "https://example.com"',
    }),
    { error: "expected a list of origins" },
  ),
  httpEnqueueRate: wholeNumber(schema.httpEnqueueRate).nullable(),
  defaults: taskDefaults,
  middleware: z.array(functionOf<Middleware>(), { error: "expected a list of functions" }),
  plugins,
  classify: functionOf<Classify>().nullable(),
} satisfies Record<keyof typeof schema, z.ZodType>;
