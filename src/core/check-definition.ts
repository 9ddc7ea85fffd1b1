/**
 * Finds what is wrong with the options of a task file, a `_defaults.ts` or the config's
 * defaults: each fault names the option, what it got and what was expected.
 */

import { parseByteSize } from "./byte-size.ts";
import { closestName } from "./closest-name.ts";
import { parseDuration } from "./duration.ts";
import { priorityNumbers } from "./job.ts";
import { parseSecretPath } from "./secret-path.ts";
import { shortText } from "./short-text.ts";
import { showValue } from "./show-value.ts";

export interface DefinitionFault {
  /** The file, or the part of the configuration, that says so. */
  readonly source: string;
  /** The option: "timeout", "retry.factor". */
  readonly field: string;
  /** What is wrong: what it got, and what was expected or meant. */
  readonly problem: string;
}

/** Says what is expected where `value` is wrong; null where it is right. */
type Check = (value: unknown) => string | null;

const duration = 'a duration like "30s" or a number of milliseconds';

const retryChecks: Readonly<Record<string, Check>> = {
  strategy: (value) =>
    expect(
      value === "exponential" || value === "linear" || value === "fixed",
      '"exponential", "linear" or "fixed"',
    ),
  baseDelay: (value) => expect(isDuration(value), duration),
  factor: (value) => expect(isNumber(value, 1, Number.MAX_VALUE), "a number of at least 1"),
  increment: (value) => expect(isDuration(value), duration),
  maxDelay: (value) => expect(isDuration(value), duration),
  jitter: (value) => expect(isNumber(value, 0, 1), "a number from 0 to 1"),
  maxAttempts: (value) => expect(isInteger(value, 1, 32_767), "a whole number from 1 to 32767"),
};

const breakerChecks: Readonly<Record<string, Check>> = {
  failures: (value) => expect(isInteger(value, 1, 1_000_000), "a whole number of at least 1"),
  successes: (value) => expect(isInteger(value, 1, 1_000_000), "a whole number of at least 1"),
  openFor: (value) => expect(isDuration(value), duration),
};

const retainChecks: Readonly<Record<string, Check>> = {
  completed: (value) => expect(isRetention(value), `${duration}, or false`),
  cancelled: (value) => expect(isRetention(value), `${duration}, or false`),
  failed: (value) => expect(isRetention(value), `${duration}, or false`),
};

const rateChecks: Readonly<Record<string, Check>> = {
  max: (value) => expect(isInteger(value, 1, 10_000), "a whole number from 1 to 10000"),
  per: (value) => expect(isDuration(value) && value !== 0, duration),
};

const limitChecks: Readonly<Record<string, Check>> = {
  key: (value) => expect(typeof value === "function", "a function (payload) => key"),
  concurrency: (value) => expect(isInteger(value, 1, 1_000_000), "a whole number of at least 1"),
  rate: (value) =>
    expect(says(value, "max") && says(value, "per"), 'an object like { max: 10, per: "1m" }'),
};

const defaultsChecks: Readonly<Record<string, Check>> = {
  retry: (value) =>
    expect(
      typeof value === "function" || isPlainObject(value),
      "an object like { maxAttempts: 5 } or a function (error, attempt) => delay",
    ),
  timeout: (value) =>
    expect(value === false || (isDuration(value) && value !== 0), `${duration}, or false`),
  priority: (value) =>
    expect(
      (typeof value === "string" && Object.hasOwn(priorityNumbers, value)) ||
        isInteger(value, -32_768, 32_767),
      '"critical", "high", "normal", "low" or a whole number from -32768 to 32767',
    ),
  classify: (value) => expect(typeof value === "function", "a function (error) => verdict"),
  breaker: (value) =>
    expect(value === false || isPlainObject(value), "an object like { failures: 5 }, or false"),
  retain: (value) =>
    expect(
      isPlainObject(value) || isRetention(value),
      `${duration}, false, or an object like { completed: "1h" }`,
    ),
  redact: (value) =>
    expect(
      Array.isArray(value) &&
        value.every((path) => typeof path === "string" && parseSecretPath(path) !== null),
      'a list of paths like "$.apiKey" or "$.items[*].token"',
    ),
  isolate: (value) =>
    expect(
      value === "thread" || value === false || says(value, "kind"),
      '"thread", an object like { kind: "thread", memory: "256MB" }, or false',
    ),
};

/** What the config or a folder may set for the tasks beneath. */
export const defaultsOptions: readonly string[] = Object.freeze(Object.keys(defaultsChecks));

// A thread that loads a task needs some memory before the task does anything.
const leastMemory = 16 * 2 ** 20;

const isolateChecks: Readonly<Record<string, Check>> = {
  kind: (value) => expect(value === "thread", '"thread"'),
  memory: (value) =>
    expect((parseByteSize(value) ?? 0) >= leastMemory, 'an amount like "256MB", at least 16MB'),
};

const definitionChecks: Readonly<Record<string, Check>> = {
  ...defaultsChecks,
  handler: (value) => expect(typeof value === "function", "a function (payload, ctx)"),
  payload: (value) => expect(isSchema(value), "a schema, of zod or another Standard Schema"),
  output: (value) => expect(isSchema(value), "a schema, of zod or another Standard Schema"),
  queue: (value) =>
    expect(
      typeof value === "function" || isName(value),
      "a name of 1 to 128 characters or a function (payload) => name",
    ),
  aliases: (value) =>
    expect(Array.isArray(value) && value.every(isName), "an array of names of 1 to 128 characters"),
  concurrency: (value) => expect(isInteger(value, 1, 1_000_000), "a whole number of at least 1"),
  limit: (value) => expect(says(value, "key"), "an object like { key: (payload) => name }"),
  onFailed: (value) => expect(typeof value === "function", "a function (payload, ctx, error)"),
  description: (value) => expect(typeof value === "string", "a sentence"),
  middleware: (value) =>
    expect(
      Array.isArray(value) && value.every((each) => typeof each === "function"),
      "an array of functions (ctx, next)",
    ),
};

/** Options that are objects: what may be in them. */
const partsChecks: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  retry: retryChecks,
  breaker: breakerChecks,
  retain: retainChecks,
  isolate: isolateChecks,
  limit: limitChecks,
  "limit.rate": rateChecks,
};

/** Faults in what a task file exports; its handler must be there. */
export function checkDefinition(definition: object, source: string): DefinitionFault[] {
  const faults = faultsIn(definition, definitionChecks, "", source);
  if (!("handler" in definition) || definition.handler === undefined) {
    faults.unshift({ source, field: "handler", problem: "missing, expected a function" });
  }
  return faults;
}

/** Faults in defaults for the tasks beneath. */
export function defaultsFaults(defaults: object, source: string): DefinitionFault[] {
  return faultsIn(defaults, defaultsChecks, "", source);
}

/** What was meant is looked for in so many; nobody reads on, and a caller may send any number. */
const mostHinted = 20;

function faultsIn(
  options: object,
  checks: Readonly<Record<string, Check>>,
  prefix: string,
  source: string,
): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const field = prefix + shortText(name);
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    const problem =
      check !== undefined
        ? wrongValue(value, check)
        : faults.length < mostHinted
          ? unknownOption(name, checks)
          : "unknown option";
    if (problem !== null) faults.push({ source, field, problem });
    else if (isPlainObject(value) && Object.hasOwn(partsChecks, field)) {
      // One by one: as arguments of one call they may be too many.
      const inner = faultsIn(value, partsChecks[field] ?? {}, `${field}.`, source);
      for (const fault of inner) faults.push(fault);
    }
  }
  return faults;
}

function unknownOption(name: string, checks: Readonly<Record<string, Check>>): string {
  const known = Object.keys(checks);
  const meant = closestName(name, known);
  return meant === null
    ? `unknown option, expected one of ${known.join(", ")}`
    : `unknown option, did you mean ${meant}?`;
}

function wrongValue(value: unknown, check: Check): string | null {
  const expected = check(value);
  return expected === null ? null : `got ${showValue(value)}, expected ${expected}`;
}

function expect(right: boolean, expected: string): string | null {
  return right ? null : expected;
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the option, an object, has that part. */
function says(value: unknown, part: string): boolean {
  return isPlainObject(value) && Reflect.get(value, part) !== undefined;
}

function isNumber(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && isNumber(value, least, most);
}

/** What the queue's columns take. */
function isName(value: unknown): boolean {
  return typeof value === "string" && value.length >= 1 && value.length <= 128;
}

function isDuration(value: unknown): boolean {
  if (typeof value !== "string" && typeof value !== "number") return false;
  try {
    parseDuration(value);
    return true;
  } catch {
    return false;
  }
}

function isRetention(value: unknown): boolean {
  return value === false || isDuration(value);
}

function isSchema(value: unknown): boolean {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  if (!("~standard" in value)) return false;
  const standard = value["~standard"];
  if (typeof standard !== "object" || standard === null || !("validate" in standard)) return false;
  return typeof standard.validate === "function";
}
