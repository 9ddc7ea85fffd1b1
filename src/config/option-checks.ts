/**
 * What each option may be, and the form the rest of the house reads it in. Holds rules only:
 * `check-option` applies them and words what is wrong.
 *
 * Plain functions: a schema library would be the largest thing that a start loads.
 */

import { availableParallelism } from "node:os";
import { defaultsFaults } from "../core/check-definition.ts";
import { parseDuration } from "../core/duration.ts";
import type { Middleware } from "../core/middleware.ts";
import { type Plugin, type PluginService, pluginEvents } from "../core/plugin.ts";
import type { Classify, TaskDefaults } from "../core/task.ts";
import { schema } from "./schema.ts";
import { isTrustedProxy } from "./trusted-proxy.ts";

/** The value in its resolved form, or what is wrong with it. May throw what a getter throws. */
export type OptionCheck<Value> = (value: unknown) => Verdict<Value>;

export type Verdict<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly issues: readonly OptionIssue[] };

export interface OptionIssue {
  /** Where in the value. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The message says already what was given. */
  readonly isWhole?: true;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

const durationError = 'expected a duration such as "500ms", "30s", "5m", "24h", or milliseconds';

/** The longest identifier of Postgres, less the "_taskrun" of the schema beside this one. */
const longestSchemaName = 63 - "_taskrun".length;

function right<Value>(value: Value): Verdict<Value> {
  return { ok: true, value };
}

function wrong(message: string): Verdict<never> {
  return { ok: false, issues: [{ path: [], message }] };
}

/** The value as it is, if `isRight`. */
function only<Value>(
  isRight: (value: unknown) => value is Value,
  message: string,
): OptionCheck<Value> {
  return (value) => (isRight(value) ? right(value) : wrong(message));
}

function orNull<Value>(check: OptionCheck<Value>): OptionCheck<Value | null> {
  return (value) => (value === null ? right(null) : check(value));
}

function boundedDuration({ min, max }: Bounds): OptionCheck<number> {
  return (value) => {
    if (typeof value !== "string" && typeof value !== "number") return wrong(durationError);
    try {
      const ms = parseDuration(value);
      if (ms >= min && ms <= max) return right(ms);
    } catch {
      return wrong(durationError);
    }
    return wrong(`expected a duration from ${min} ms to ${max} ms`);
  };
}

function isWholeNumber(value: unknown, { min, max }: Bounds): value is number {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

function wholeNumber({ min, max }: Bounds): OptionCheck<number> {
  return only(
    (value) => isWholeNumber(value, { min, max }),
    `expected a whole number from ${min} to ${max}`,
  );
}

function countOrAuto({ min, max }: Bounds): OptionCheck<number> {
  return (value) => {
    if (value === "auto") return right(Math.min(availableParallelism(), max));
    if (isWholeNumber(value, { min, max })) return right(value);
    return wrong(`expected a whole number from ${min} to ${max}, or "auto"`);
  };
}

function choice<const Choice extends string>({
  choices,
}: {
  readonly choices: readonly Choice[];
}): OptionCheck<Choice> {
  const isChoice = (value: unknown): value is Choice => choices.some((each) => each === value);
  return only(isChoice, `expected one of ${choices.join(", ")}`);
}

function functionOf<Signature>(): OptionCheck<Signature> {
  // why: what a function takes and gives can't be seen
  const isFunction = (value: unknown): value is Signature => typeof value === "function";
  return only(isFunction, "expected a function");
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const text = only(isText, "expected a text");

function textThat(isRight: (value: string) => boolean, message: string): OptionCheck<string> {
  return only((value): value is string => typeof value === "string" && isRight(value), message);
}

function yesOrNo(): OptionCheck<boolean> {
  return only((value) => typeof value === "boolean", "expected true or false");
}

function listOf<Item>(check: OptionCheck<Item>, message: string): OptionCheck<readonly Item[]> {
  return (value) => {
    if (!Array.isArray(value)) return wrong(message);
    const items: Item[] = [];
    const issues: OptionIssue[] = [];
    for (const [index, item] of value.entries()) {
      const verdict = check(item);
      if (verdict.ok) items.push(verdict.value);
      else issues.push(...beneath(index, verdict.issues));
    }
    return issues.length === 0 ? right(items) : { ok: false, issues };
  };
}

function beneath(key: string | number, issues: readonly OptionIssue[]): OptionIssue[] {
  return issues.map((issue) => ({ ...issue, path: [key, ...issue.path] }));
}

/** A flag and the environment can only say "false". */
const fileOrNone: OptionCheck<string | false> = (value) => {
  if (value === false || value === "false") return right(false);
  return isText(value) ? right(value) : wrong("expected a path, or false");
};

const taskDefaults: OptionCheck<TaskDefaults> = (value) => {
  if (!isObject(value)) {
    return wrong('expected an object like { timeout: "1m" }');
  }
  const issues = defaultsFaults(value, "defaults").map(({ field, problem }) => ({
    path: field.split("."),
    message: problem,
    isWhole: true as const,
  }));
  return issues.length === 0 ? right(value) : { ok: false, issues };
};

const listeners: OptionCheck<Plugin["listeners"]> = (value) => {
  if (!isObject(value)) return wrong("expected an object of functions, by event");
  const issues = Object.entries(value).flatMap(([name, listener]): OptionIssue[] => {
    if (!pluginEvents.includes(name)) {
      const message = `expected an event: ${pluginEvents.join(", ")}`;
      return [{ path: [name], message, isWhole: true }];
    }
    return typeof listener === "function" ? [] : [{ path: [name], message: "expected a function" }];
  });
  // What a listener takes, TypeScript sees in definePlugin.
  return issues.length === 0 ? right({ ...value }) : { ok: false, issues };
};

const pluginService = only(
  (value): value is PluginService =>
    isObject(value) &&
    "start" in value &&
    typeof value.start === "function" &&
    "stop" in value &&
    typeof value.stop === "function",
  "expected an object with start() and stop()",
);

const middleware = listOf(functionOf<Middleware>(), "expected a list of functions");

const pluginParts = {
  name: text,
  middleware,
  listeners,
  services: listOf(pluginService, "expected a list of services"),
} satisfies Record<keyof Plugin, OptionCheck<unknown>>;

const plugin: OptionCheck<Plugin> = (value) => {
  const parts: Readonly<Record<string, OptionCheck<unknown>>> = pluginParts;
  if (!isObject(value) || Object.keys(value).some((key) => !Object.hasOwn(parts, key))) {
    return wrong("expected a plugin: { name, middleware?, listeners?, services? }");
  }
  // The name has to be there, the others may.
  const given = { name: undefined, ...value };
  const verdicts = Object.entries(given).map(
    ([key, part]) => [key, (parts[key] ?? text)(part)] as const,
  );
  const issues = verdicts.flatMap(([key, verdict]) =>
    verdict.ok ? [] : beneath(key, verdict.issues),
  );
  if (issues.length > 0) return { ok: false, issues };
  const checked = verdicts.map(([key, verdict]) => [key, verdict.ok ? verdict.value : null]);
  // why: each part has been checked to be what a plugin has of that name
  return right(Object.fromEntries(checked) as Plugin);
};

const plugins: OptionCheck<readonly Plugin[]> = (value) => {
  const verdict = listOf(plugin, "expected a list of plugins")(value);
  if (!verdict.ok) return verdict;
  const names = verdict.value.map(({ name }) => name);
  const issues = names.flatMap((name, index): OptionIssue[] =>
    names.indexOf(name) === index
      ? []
      : [{ path: [index, "name"], message: "expected another name" }],
  );
  return issues.length === 0 ? verdict : { ok: false, issues };
};

const connection: OptionCheck<string> = (value) => {
  if (typeof value !== "string") return wrong("expected a Postgres URL");
  if (/^(postgres(ql)?|socket):/.test(value) && URL.canParse(value)) return right(value);
  // Without a password: where this is printed, one in an address would be hidden.
  return wrong("expected a URL like postgres://user@host:5432/database");
};

const schemaName: OptionCheck<string> = (value) => {
  if (typeof value !== "string") return wrong("expected a schema's name");
  if (!/^(?!pg_)[A-Za-z_][A-Za-z0-9_]*$/.test(value)) {
    return wrong('expected letters, digits and "_", starting with a letter and not with "pg_"');
  }
  if (value.length <= longestSchemaName) return right(value);
  return wrong(`expected at most ${longestSchemaName} characters`);
};

const httpPrefix: OptionCheck<string> = (value) => {
  if (typeof value !== "string" || !/^((\/[\w.~-]+)*|\/)$/.test(value)) {
    return wrong('expected a path like "/jobs"');
  }
  return right(value === "/" ? "" : value);
};

const proxy = textThat(
  isTrustedProxy,
  "expected an address, a network, or loopback, linklocal, uniquelocal",
);

const origin = textThat(
  (value) => URL.canParse(value) && new URL(value).origin === value,
  'expected an origin like "https://example.com"',
);

export const optionChecks = {
  connection: orNull(connection),
  schema: schemaName,
  tasks: text,
  crontab: fileOrNone,
  concurrency: wholeNumber(schema.concurrency),
  processes: countOrAuto(schema.processes),
  maxRss: orNull(wholeNumber(schema.maxRss)),
  pollInterval: boundedDuration(schema.pollInterval),
  shutdownGrace: boundedDuration(schema.shutdownGrace),
  shutdownDeadline: boundedDuration(schema.shutdownDeadline),
  timeoutGrace: boundedDuration(schema.timeoutGrace),
  heartbeatInterval: boundedDuration(schema.heartbeatInterval),
  maxBlock: boundedDuration(schema.maxBlock),
  importTimeout: boundedDuration(schema.importTimeout),
  warmStart: yesOrNo(),
  handlerPoolSize: wholeNumber(schema.handlerPoolSize),
  logLevel: choice(schema.logLevel),
  logFormat: choice(schema.logFormat),
  redact: listOf(text, "expected a list of paths"),
  logPayloads: yesOrNo(),
  keepLogs: yesOrNo(),
  dataDir: text,
  httpPort: orNull(wholeNumber(schema.httpPort)),
  httpHost: text,
  httpPrefix,
  httpTrustProxy: listOf(proxy, "expected a list of addresses"),
  httpCorsOrigins: listOf(origin, "expected a list of origins"),
  httpEnqueueRate: orNull(wholeNumber(schema.httpEnqueueRate)),
  defaults: taskDefaults,
  middleware,
  plugins,
  classify: orNull(functionOf<Classify>()),
} satisfies Record<keyof typeof schema, OptionCheck<unknown>>;
