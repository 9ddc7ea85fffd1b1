/**
 * Makes a loaded Task of what a file exports: checks every option and has every policy settled,
 * with the place that set it.
 *
 * Refuses what is wrong anywhere, in one error that lists every fault.
 */

import { checkDefinition, type DefinitionFault, defaultsFaults } from "./check-definition.ts";
import { TaskrunError } from "./errors.ts";
import { findTaskSecrets } from "./find-secret-paths.ts";
import type { Middleware } from "./middleware.ts";
import { settlePolicies } from "./settle-policies.ts";
import { listFaults } from "./short-text.ts";
import type { FailedHandler, Handler, Task, TaskDefaults, TaskDefinition } from "./task.ts";

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
    super("bad-definition", listFaults(lines));
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
    onFailed: failedHandlerOf(own),
    middleware: Object.freeze(layers.flatMap((layer) => layer.middleware)),
    policies: Object.freeze(policies),
    secrets: findTaskSecrets(policies.redact, own.payload ?? null, own.output ?? null),
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

function failedHandlerOf(definition: Definition): FailedHandler | null {
  const { onFailed } = definition;
  if (onFailed === undefined) return null;
  return (payload, ctx, error) => onFailed.call(definition, payload, ctx, error);
}
