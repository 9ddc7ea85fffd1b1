/**
 * Settles every policy of a task, with the place that set it. What the author left out comes
 * from the innermost folder that says something, then from the config, then from the defaults
 * here. Expects options that `check-definition` has found right.
 */

import { defaultRetry } from "./backoff.ts";
import { parseByteSize } from "./byte-size.ts";
import { type Duration, parseDuration } from "./duration.ts";
import { priorityNumbers } from "./job.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type {
  Breaker,
  BreakerPolicy,
  Isolate,
  Limit,
  Retain,
  RetainPolicy,
  RetryFunction,
  TaskDefaults,
  TaskDefinition,
  TaskPolicies,
} from "./task.ts";

/** What a breaker has where its policy says nothing. */
export const defaultBreaker = {
  failures: 5,
  successes: 3,
  openFor: "60s",
} as const satisfies BreakerPolicy;

/** What holds where a task, its folders and the config say nothing. */
export const defaultRetain = {
  completed: "24h",
  cancelled: "24h",
  failed: "7d",
} as const satisfies RetainPolicy;

interface Layer {
  readonly source: string;
  readonly defaults: TaskDefaults;
}

type Sources = Record<keyof TaskPolicies, string>;

/** `layers` from the outermost; the last one is the task itself. */
export function settlePolicies(
  layers: readonly Layer[],
  own: TaskDefinition<unknown, unknown>,
  ownSource: string,
): { policies: TaskPolicies; sources: Sources } {
  const timeout = innermost(layers, (defaults) => defaults.timeout);
  const priority = innermost(layers, (defaults) => defaults.priority);
  const classify = innermost(layers, (defaults) => defaults.classify);
  const maxAttempts = innermost(layers, ({ retry }) =>
    typeof retry === "object" ? retry.maxAttempts : undefined,
  );
  const retry = settleRetry(layers);
  const breaker = innermost(layers, (defaults) => defaults.breaker);
  const retain = settleRetain(layers);
  const isolate = innermost(layers, (defaults) => defaults.isolate);
  const redact = settleRedact(layers);
  const timeoutMs = timeout.value ?? "30s";
  const ownOr = (value: unknown) => (value === undefined ? "default" : ownSource);
  return {
    policies: {
      retry: retry.value,
      timeoutMs: timeoutMs === false ? false : parseDuration(timeoutMs),
      priority: priorityOf(priority.value),
      queue: own.queue ?? null,
      classify: classify.value ?? null,
      maxAttempts: maxAttempts.value ?? defaultRetry.maxAttempts,
      breaker: breakerOf(breaker.value),
      concurrency: own.concurrency ?? null,
      limit: limitOf(own.limit),
      retain: retain.value,
      isolate: isolateOf(isolate.value),
      redact: redact.value,
    },
    sources: {
      retry: retry.source,
      timeoutMs: timeout.source,
      priority: priority.source,
      queue: ownOr(own.queue),
      classify: classify.source,
      maxAttempts: maxAttempts.source,
      breaker: breaker.source,
      concurrency: ownOr(own.concurrency),
      limit: ownOr(own.limit),
      retain: retain.source,
      isolate: isolate.source,
      redact: redact.source,
    },
  };
}

interface Settled<T> {
  readonly value: T;
  readonly source: string;
}

function innermost<T>(
  layers: readonly Layer[],
  read: (defaults: TaskDefaults) => T | undefined,
): Settled<T | undefined> {
  const layer = layers.findLast(({ defaults }) => read(defaults) !== undefined);
  if (layer === undefined) return { value: undefined, source: "default" };
  return { value: read(layer.defaults), source: layer.source };
}

/**
 * Objects add up, the inner option winning; a function stands for all that is outside it.
 * `maxAttempts` has a source of its own.
 */
function settleRetry(layers: readonly Layer[]): Settled<TaskPolicies["retry"]> {
  let value: SettledRetry | RetryFunction = defaultRetry;
  let sayings: Readonly<Record<string, string>> = {};
  for (const { defaults, source } of layers) {
    const { retry } = defaults;
    if (retry === undefined) continue;
    if (typeof retry === "function") sayings = { function: source };
    else {
      const { maxAttempts, ...waits } = retry;
      const outer = typeof value === "function" ? {} : sayings;
      sayings = { ...outer, ...saidBy(source, waits) };
    }
    value = typeof retry === "function" ? retry : mergeRetry(value, retry);
  }
  return { value, source: sourcesIn(sayings, layers) };
}

function saidBy(source: string, options: object): Record<string, string> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name]) => [name, source]));
}

/** Those whose word on an option counts, from the outermost; each once. */
function sourcesIn(sayings: Readonly<Record<string, string>>, layers: readonly Layer[]): string {
  const said = new Set(Object.values(sayings));
  const places = layers.map(({ source }) => source).filter((source) => said.has(source));
  return places.length === 0 ? "default" : [...new Set(places)].join(", ");
}

type SettledRetry = Exclude<TaskPolicies["retry"], RetryFunction>;

function mergeRetry(outer: SettledRetry | RetryFunction, inner: RetryPolicy): SettledRetry {
  const given = Object.entries(inner).filter(([, value]) => value !== undefined);
  return { ...(typeof outer === "function" ? defaultRetry : outer), ...Object.fromEntries(given) };
}

function priorityOf(priority: TaskDefaults["priority"]): number {
  if (priority === undefined) return priorityNumbers.normal;
  return typeof priority === "number" ? priority : priorityNumbers[priority];
}

function breakerOf(policy: TaskDefaults["breaker"]): Breaker | null {
  if (policy === undefined || policy === false) return null;
  const { failures, successes, openFor } = policy;
  return {
    failures: failures ?? defaultBreaker.failures,
    successes: successes ?? defaultBreaker.successes,
    openForMs: parseDuration(openFor ?? defaultBreaker.openFor),
  };
}

function isolateOf(policy: TaskDefaults["isolate"]): Isolate | null {
  if (policy === undefined || policy === false) return null;
  const bytes = typeof policy === "object" ? parseByteSize(policy.memory) : null;
  return { kind: "thread", memoryMb: bytes === null ? null : bytes / 2 ** 20 };
}

function limitOf(policy: TaskDefinition<unknown, unknown>["limit"]): Limit | null {
  if (policy === undefined) return null;
  const { key, concurrency, rate } = policy;
  return {
    key,
    concurrency: concurrency ?? null,
    rate: rate === undefined ? null : { max: rate.max, perMs: parseDuration(rate.per) },
  };
}

/** Each outcome on its own: an inner word on one leaves the outer word on the others. */
function settleRetain(layers: readonly Layer[]): Settled<Retain> {
  let value: Required<RetainPolicy> = defaultRetain;
  let sayings: Readonly<Record<string, string>> = {};
  for (const { defaults, source } of layers) {
    const { retain } = defaults;
    if (retain === undefined) continue;
    const all = { completed: retain, cancelled: retain, failed: retain };
    const policy = typeof retain === "object" ? retain : all;
    const given = Object.entries(policy).filter(([, each]) => each !== undefined);
    value = { ...value, ...Object.fromEntries(given) };
    sayings = { ...sayings, ...saidBy(source, policy) };
  }
  return {
    value: {
      completedMs: retainMs(value.completed),
      cancelledMs: retainMs(value.cancelled),
      failedMs: retainMs(value.failed),
    },
    source: sourcesIn(sayings, layers),
  };
}

/** All together: an inner word never uncovers what an outer one hides. */
function settleRedact(layers: readonly Layer[]): Settled<readonly string[]> {
  const given = layers.filter(({ defaults }) => (defaults.redact ?? []).length > 0);
  return {
    value: [...new Set(given.flatMap(({ defaults }) => defaults.redact ?? []))],
    source: given.map(({ source }) => source).join(", ") || "default",
  };
}

function retainMs(duration: Duration | false): number | null {
  return duration === false ? null : parseDuration(duration);
}
