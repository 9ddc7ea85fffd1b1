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

/** Objects add up, the inner option winning; a function stands for all that is outside it. */
function settleRetry(layers: readonly Layer[]): Settled<TaskPolicies["retry"]> {
  let value: SettledRetry | RetryFunction = defaultRetry;
  let source = "default";
  for (const layer of layers) {
    const { retry } = layer.defaults;
    if (retry === undefined) continue;
    value = typeof retry === "function" ? retry : mergeRetry(value, retry);
    source = layer.source;
  }
  return { value, source };
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
  let source = "default";
  for (const layer of layers) {
    const { retain } = layer.defaults;
    if (retain === undefined) continue;
    if (typeof retain === "object") {
      const given = Object.entries(retain).filter(([, each]) => each !== undefined);
      value = { ...value, ...Object.fromEntries(given) };
    } else value = { completed: retain, cancelled: retain, failed: retain };
    source = layer.source;
  }
  return {
    value: {
      completedMs: retainMs(value.completed),
      cancelledMs: retainMs(value.cancelled),
      failedMs: retainMs(value.failed),
    },
    source,
  };
}

/** All together: an inner word never uncovers what an outer one hides. */
function settleRedact(layers: readonly Layer[]): Settled<readonly string[]> {
  const given = layers.filter(({ defaults }) => (defaults.redact ?? []).length > 0);
  return {
    value: [...new Set(given.flatMap(({ defaults }) => defaults.redact ?? []))],
    source: given.at(-1)?.source ?? "default",
  };
}

function retainMs(duration: Duration | false): number | null {
  return duration === false ? null : parseDuration(duration);
}
