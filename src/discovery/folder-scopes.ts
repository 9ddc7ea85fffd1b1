/**
 * Folder = scope: what `_defaults` and `_middleware` files give to the tasks beneath them.
 * Owns their shape and their order, outermost first; refuses to import: it is handed how.
 */

import type { LoadFailure } from "../core/catalog.ts";
import { defaultsFaults, defaultsOptions } from "../core/check-definition.ts";
import type { Middleware } from "../core/middleware.ts";
import type { TaskLayer } from "../core/resolve-task.ts";
import { isLoadFailure } from "./load-failure.ts";
import { defaultExport } from "./parse-task.ts";
import { placedFailure, textOf } from "./placed-failure.ts";
import type { ScopeFile, TaskFile } from "./scan.ts";
import { findDefaultExport, findField, type Position } from "./source-location.ts";

/** Imports a scope file and returns its module, or why it can't be imported. */
export type ImportScope = (scope: ScopeFile) => Promise<{ readonly module: object } | LoadFailure>;

export interface Scopes {
  /** What applies to the task, outermost first, or the failures of what should. */
  around(task: TaskFile): Promise<{ layers: TaskLayer[]; broken: LoadFailure[] }>;
  /** Every scope file that is broken. */
  failures(): Promise<LoadFailure[]>;
}

/**
 * Imports every scope file once, each on its own, so that a task waits for no scope but those
 * around it. `sourceOf` gives a file's path as people should read it.
 */
export function folderScopes(
  files: readonly ScopeFile[],
  importScope: ImportScope,
  sourceOf: (file: string) => string,
): Scopes {
  const loading = files.map(async (scope) => {
    const twin = files.find((each) => each !== scope && isTwin(each, scope));
    if (twin !== undefined) return { scope, layer: twinFailure(scope, sourceOf(twin.file)) };
    const imported = await importScope(scope);
    if (isLoadFailure(imported)) return { scope, layer: imported };
    return { scope, layer: parseScope(imported.module, scope, sourceOf(scope.file)) };
  });
  return {
    async around(task) {
      const around = loading.filter((_, index) => {
        const scope = files[index];
        return scope !== undefined && isAround(scope, task);
      });
      const layers = (await Promise.all(around)).map(({ layer }) => layer);
      return {
        layers: layers.filter((layer): layer is TaskLayer => !isLoadFailure(layer)),
        broken: layers.filter(isLoadFailure),
      };
    },
    async failures() {
      return (await Promise.all(loading)).map(({ layer }) => layer).filter(isLoadFailure);
    },
  };
}

/** The failure of a task that is not loaded because of a scope file around it. */
export function scopeFailureOf(
  task: TaskFile,
  broken: readonly LoadFailure[],
  sourceOf: (file: string) => string,
): LoadFailure | null {
  const [first] = broken;
  if (first === undefined) return null;
  const files = broken.map(({ file }) => sourceOf(file)).join(" and ");
  return placedFailure(
    { task: task.name },
    {
      code: first.code,
      file: task.file,
      reason: `${files} applies to it and could not be loaded`,
      fix: `Mend ${files}.`,
    },
  );
}

/** Checks what a scope file exports. */
export function parseScope(
  module: object,
  scope: ScopeFile,
  source: string,
): TaskLayer | LoadFailure {
  const exported = defaultExport(module);
  if (exported === undefined) {
    const example = scope.scope === "defaults" ? '{ timeout: "1m" }' : "(ctx, next) => next()";
    return failure(
      scope,
      "no-default-export",
      { line: 1, column: 1 },
      {
        reason: "it has no default export",
        fix: `Write: export default ${example}`,
      },
    );
  }
  return scope.scope === "defaults"
    ? parseDefaults(exported, scope, source)
    : parseMiddleware(exported, scope, source);
}

function parseDefaults(
  exported: unknown,
  scope: ScopeFile,
  source: string,
): TaskLayer | LoadFailure {
  const text = textOf(scope.file) ?? "";
  if (typeof exported !== "object" || exported === null || Array.isArray(exported)) {
    return failure(scope, "bad-definition", findDefaultExport(text), {
      reason: "its default export is no object of defaults",
      fix: 'Write: export default { timeout: "1m" }',
    });
  }
  const faults = defaultsFaults(exported, source);
  if (faults.length === 0) return { source, defaults: exported, middleware: [] };
  const place = findField(text, faults[0]?.field ?? "") ?? findDefaultExport(text);
  return failure(scope, "bad-definition", place, {
    reason: faults.map(({ field, problem }) => `${field}: ${problem}`).join("; "),
    fix: `Correct the options; what applies to a folder is ${defaultsOptions.join(", ")}.`,
  });
}

function parseMiddleware(
  exported: unknown,
  scope: ScopeFile,
  source: string,
): TaskLayer | LoadFailure {
  const middleware: unknown[] = Array.isArray(exported) ? exported : [exported];
  if (middleware.every(isMiddleware)) return { source, defaults: {}, middleware };
  const wrong = middleware.findIndex((each) => !isMiddleware(each));
  const which = Array.isArray(exported)
    ? `item ${wrong + 1} of its default export`
    : "its default export";
  return failure(scope, "bad-definition", findDefaultExport(textOf(scope.file) ?? ""), {
    reason: `${which} is ${kindOf(middleware[wrong])}, expected a function (ctx, next)`,
    fix: "Export a function (ctx, next) => next(), or an array of such functions.",
  });
}

function failure(
  scope: ScopeFile,
  code: LoadFailure["code"],
  place: Position | null,
  texts: { reason: string; fix: string },
): LoadFailure {
  return placedFailure({ task: null }, { code, file: scope.file, place, ...texts });
}

function twinFailure(scope: ScopeFile, twin: string): LoadFailure {
  return failure(scope, "duplicate-name", null, {
    reason: `${twin} sets the same for the same folder`,
    fix: "Delete one of the two.",
  });
}

function isTwin(a: ScopeFile, b: ScopeFile): boolean {
  return a.folder === b.folder && a.scope === b.scope;
}

/** Whether the scope file applies to the task. */
export function isAround(scope: ScopeFile, task: TaskFile): boolean {
  return scope.folder === "" || `${task.folder}/`.startsWith(`${scope.folder}/`);
}

function isMiddleware(value: unknown): value is Middleware {
  return typeof value === "function";
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `of type ${typeof value}`;
}
