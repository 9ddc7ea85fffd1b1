/**
 * An imported module made a Task, or the reason why it is none.
 * Owns what a module may export: also each form that graphile-worker loads. Refuses to import.
 */

import type { LoadFailure } from "../core/catalog.ts";
import { readProperty } from "../core/error-chain.ts";
import { resolveTask, TaskDefinitionError, type TaskOrigin } from "../core/resolve-task.ts";
import { listFaults, shortText } from "../core/short-text.ts";
import type { Task } from "../core/task.ts";
import { placedFailure, textOf } from "./placed-failure.ts";
import { findDefaultExport, findExport, findField, type Position } from "./source-location.ts";

/** Never throws for what a module exports, also when looking at it does. */
export function parseTask(module: object, origin: TaskOrigin): Task | LoadFailure {
  try {
    return readTask(module, origin);
  } catch (error) {
    const why = String(readProperty(error, "message") ?? "by an error without a message");
    return badDefinition(origin, `what it exports can't be read: ${shortText(why, 300)}`, null);
  }
}

function readTask(module: object, origin: TaskOrigin): Task | LoadFailure {
  const exported = defaultExport(module);
  if (exported === undefined || isEmptyCommonJs(module, exported)) {
    return noDefaultExport(module, origin);
  }
  const unsuitable = whyUnsuitable(exported);
  if (unsuitable !== null) return badDefinition(origin, unsuitable, null);
  try {
    return resolveTask(exported, origin);
  } catch (error) {
    if (!(error instanceof TaskDefinitionError)) throw error;
    const own = origin.source ?? origin.file;
    const texts = error.faults.map(
      ({ source, field, problem }) => `${source === own ? "" : `${source}: `}${field}: ${problem}`,
    );
    const field = error.faults.find(({ source }) => source === own)?.field ?? null;
    return badDefinition(origin, listFaults(texts), field);
  }
}

/**
 * What the module exports by default. CommonJS made from TypeScript arrives with one or two
 * more `default` around it.
 */
export function defaultExport(module: object): unknown {
  const outer = field(module, "default");
  const inner = field(outer, "default");
  if (field(inner, "__esModule") === true) return field(inner, "default") ?? inner;
  if (field(outer, "__esModule") === true) return inner;
  const wrapped = typeof outer === "object" && field(outer, "handler") === undefined;
  return wrapped && inner !== undefined ? inner : outer;
}

function isEmptyCommonJs(module: object, exported: unknown): boolean {
  const commonJs = field(module, "module.exports") === exported;
  return commonJs && typeof exported === "object" && field(exported, "handler") === undefined;
}

function whyUnsuitable(exported: unknown): string | null {
  if (exported instanceof Promise) {
    return "the default export is a promise; export the task itself, with `await` before it";
  }
  if (typeof exported === "function" && /^class\b/.test(exported.toString())) {
    return "the default export is a class; expected a function (payload, ctx) or defineTask(…)";
  }
  return null;
}

function noDefaultExport(module: object, origin: TaskOrigin): LoadFailure {
  const named = Object.entries(module).find(
    ([name, value]) => name !== "module.exports" && looksLikeTask(value),
  )?.[0];
  const place = named === undefined ? null : findExport(textOf(origin.file) ?? "", named);
  const commonJs = Object.hasOwn(module, "module.exports");
  const keyword = commonJs ? "module.exports =" : "export default";
  return failure(origin, "no-default-export", place, {
    reason: "it has no default export, so there is no task in it",
    fix:
      named === undefined
        ? `Write: ${keyword} async (payload, ctx) => { … }. If it is no task, put "_" before its name.`
        : `Write \`${keyword}\` where it exports ${JSON.stringify(named)}.`,
  });
}

function badDefinition(origin: TaskOrigin, reason: string, fieldName: string | null): LoadFailure {
  const text = textOf(origin.file) ?? "";
  const place = (fieldName === null ? null : findField(text, fieldName)) ?? findDefaultExport(text);
  return failure(origin, "bad-definition", place, {
    reason,
    fix: "Correct what the file exports by default.",
  });
}

function failure(
  origin: TaskOrigin,
  code: LoadFailure["code"],
  place: Position | null,
  texts: { reason: string; fix: string },
): LoadFailure {
  const { name: task, file } = origin;
  return placedFailure({ task }, { code, file, place: place ?? { line: 1, column: 1 }, ...texts });
}

function looksLikeTask(value: unknown): boolean {
  return typeof value === "function" || typeof field(value, "handler") === "function";
}

function field(value: unknown, name: string): unknown {
  if ((typeof value !== "object" && typeof value !== "function") || value === null)
    return undefined;
  return Reflect.get(value, name);
}
