/**
 * Makes a loaded Task of what a file exports: checks every option and settles every policy,
 * with the place that set it. What the author left out comes from the innermost folder that
 * says something, then from the config, then from the defaults here.
 *
 * Refuses what is wrong anywhere, in one error that lists every fault.
 */

import { defaultRetry } from "./backoff.ts";
import { checkDefinition, type DefinitionFault, defaultsFaults } from "./check-definition.ts";
import { parseDuration } from "./duration.ts";
import { TaskrunError } from "./errors.ts";
import { priorityNumbers } from "./job.ts";
import type { Middleware } from "./middleware.ts";
import type {
  Handler,
  RetryFunction,
  RetryPolicy,
  Task,
  TaskDefaults,
  TaskDefinition,
  TaskPolicies,
} from "./task.ts";

/** What the config or a folder gives to the tasks beneath. */
export interface TaskLayer {
  /** Where it is written: a path relative to the project. */
  readonly source: string;
  readonly defaults: TaskDefaults;
  readonly middleware: readonly Middleware[];
}

export interface TaskOrigin {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** How `Task.sources` names the task's own file. Default: `file`. */
  readonly source?: string;
  readonly version: number;
  /** The config first, then the folders from the outermost. */
  readonly layers: readonly TaskLayer[];
}

/** What a file exports, or a folder's defaults, have options that can't be. */
export class TaskDefinitionError extends TaskrunError {
  readonly faults: readonly DefinitionFault[];

  constructor(faults: readonly DefinitionFault[]) {
    const lines = faults.map(({ source, field, problem }) => `${source}: ${field}: ${problem}`);
    super("bad-definition", lines.join("; "));
    this.name = "TaskDefinitionError";
    this.faults = faults;
  }
}

/**
 * The task that a definition makes: what `defineTask` returned, a like object, or a handler.
 *
 * @throws TaskDefinitionError naming each wrong option, what it got and what was expected
 */
export function resolveTask(definition: unknown, origin: TaskOrigin): Task {
  const source = origin.source ?? origin.file;
  const own = asDefinition(definition, source);
  const faults = [
    ...checkDefinition(own, source),
    ...origin.layers.flatMap((layer) => defaultsFaults(layer.defaults, layer.source)),
  ];
  if (faults.length > 0) throw new TaskDefinitionError(faults);

  const layers = [...origin.layers, { source, defaults: own, middleware: own.middleware ?? [] }];
  const { policies, sources } = settlePolicies(layers, own, source);
  return Object.freeze({
    name: origin.name,
    file: origin.file,
    version: origin.version,
    description: own.description ?? null,
    aliases: Object.freeze([...new Set(own.aliases)].filter((alias) => alias !== origin.name)),
    payloadSchema: own.payload ?? null,
    outputSchema: own.output ?? null,
    handler: handlerOf(own),
    middleware: Object.freeze(layers.flatMap((layer) => layer.middleware)),
    policies: Object.freeze(policies),
    sources: Object.freeze(sources),
  });
}

type Definition = TaskDefinition<unknown, unknown>;

function asDefinition(definition: unknown, source: string): Definition {
  if (typeof definition === "function") {
    // why: any function can be called with (payload, ctx)
    return { handler: definition as Handler };
  }
  if (typeof definition === "object" && definition !== null && !Array.isArray(definition)) {
    return definition as Definition; // why: checkDefinition checks every option next
  }
  const kind =
    definition === null ? "null" : Array.isArray(definition) ? "an array" : typeof definition;
  const problem = `got ${kind}, expected defineTask({ handler }) or a function (payload, ctx)`;
  throw new TaskDefinitionError([{ source, field: "default export", problem }]);
}

/** As a method, so that a handler that is one of a class finds its `this`. */
function handlerOf(definition: Definition): Handler {
  const { handler } = definition;
  return (payload, ctx) => handler.call(definition, payload, ctx);
}

type Sources = Record<keyof TaskPolicies, string>;

function settlePolicies(
  layers: readonly TaskLayer[],
  own: Definition,
  ownSource: string,
): { policies: TaskPolicies; sources: Sources } {
  const timeout = innermost(layers, (defaults) => defaults.timeout);
  const priority = innermost(layers, (defaults) => defaults.priority);
  const classify = innermost(layers, (defaults) => defaults.classify);
  const maxAttempts = innermost(layers, ({ retry }) =>
    typeof retry === "object" ? retry.maxAttempts : undefined,
  );
  const retry = settleRetry(layers);
  const timeoutMs = timeout.value ?? "30s";
  return {
    policies: {
      retry: retry.value,
      timeoutMs: timeoutMs === false ? false : parseDuration(timeoutMs),
      priority: priorityOf(priority.value),
      queue: own.queue ?? null,
      classify: classify.value ?? null,
      maxAttempts: maxAttempts.value ?? defaultRetry.maxAttempts,
    },
    sources: {
      retry: retry.source,
      timeoutMs: timeout.source,
      priority: priority.source,
      queue: own.queue === undefined ? "default" : ownSource,
      classify: classify.source,
      maxAttempts: maxAttempts.source,
    },
  };
}

interface Settled<T> {
  readonly value: T;
  readonly source: string;
}

function innermost<T>(
  layers: readonly TaskLayer[],
  read: (defaults: TaskDefaults) => T | undefined,
): Settled<T | undefined> {
  const layer = layers.findLast(({ defaults }) => read(defaults) !== undefined);
  if (layer === undefined) return { value: undefined, source: "default" };
  return { value: read(layer.defaults), source: layer.source };
}

/** Objects add up, the inner option winning; a function stands for all that is outside it. */
function settleRetry(layers: readonly TaskLayer[]): Settled<TaskPolicies["retry"]> {
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
