/**
 * What went wrong with an import, where, and how to mend it.
 * Owns the kinds of fault and their order; each kind's place comes from `source-location.ts`
 * or from esbuild, since V8 often names none.
 */

import { basename } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import type { LoadFailure } from "../core/catalog.ts";
import { EndlessImportError } from "./endless-import-error.ts";
import type { ImportResult } from "./import-module.ts";
import { missingExportFailure, missingModuleFailure } from "./missing-module-failure.ts";
import { isProjectUrl } from "./module-hooks.ts";
import {
  codeOf,
  type FailedImport,
  messageOf,
  placedFailure,
  stackOf,
  textOf,
} from "./placed-failure.ts";
import {
  findLoop,
  findSpecifier,
  findTopLevelAwait,
  stackHeading,
  stackPlaces,
} from "./source-location.ts";
import { findSyntaxFault, type SyntaxFault, syntaxFault } from "./transform-source.ts";

export async function importFailure(
  failed: FailedImport,
  result: Exclude<ImportResult, { state: "imported" }>,
): Promise<LoadFailure> {
  if (result.state === "stuck") return stuckFailure(failed);
  const { error } = result;
  if (error instanceof EndlessImportError) return endlessFailure(failed, error);
  const { hooks } = failed;
  const refused = hooks.failedTransform(error);
  const fault = refused === null ? null : syntaxFault(error, refused);
  if (fault !== null) return syntaxFailure(failed, fault);
  return (
    missingModuleFailure(failed, error) ??
    missingExportFailure(failed, error) ??
    jsonAttributeFailure(failed, error) ??
    unreadableFailure(failed, error) ??
    (await brokenTextFailure(failed, error)) ??
    thrownFailure(failed, error)
  );
}

function endlessFailure(failed: FailedImport, { file }: EndlessImportError): LoadFailure {
  return placedFailure(failed, {
    code: "import-timeout",
    file,
    place: findLoop(textOf(file) ?? ""),
    reason: `its code held up everything for ${failed.timeoutMs} ms while it was imported, and was ended`,
    fix: "End the loop, or move the work into the handler.",
  });
}

function stuckFailure(failed: FailedImport): LoadFailure {
  const { hooks, timeoutMs } = failed;
  const places = [...hooks.graph.dependenciesOf(failed.file)]
    .map((file) => ({ file, place: findTopLevelAwait(textOf(file) ?? "") }))
    .filter(({ place }) => place !== null);
  const { file, place } = places[0] ?? { file: failed.file, place: null };
  return placedFailure(failed, {
    code: "import-timeout",
    file,
    place,
    reason: `its import did not end within ${timeoutMs} ms`,
    fix: "Don't wait at the top of a module for something that may never come: move the `await` into the handler.",
  });
}

function syntaxFailure(failed: FailedImport, fault: SyntaxFault): LoadFailure {
  return placedFailure(failed, {
    code: "syntax-error",
    file: fault.file,
    place: fault.place,
    reason: fault.message,
    fix: "Correct the text at this place.",
  });
}

function jsonAttributeFailure(failed: FailedImport, error: unknown): LoadFailure | null {
  if (codeOf(error) !== "ERR_IMPORT_ATTRIBUTE_MISSING") return null;
  const url = /"(file:.*?)"/.exec(messageOf(error))?.[1];
  const imported = failed.hooks.graph.dependenciesOf(failed.file);
  const edge = failed.hooks.graph
    .importersOf(url === undefined ? "" : fileURLToPath(url))
    .find(({ importer }) => imported.has(importer));
  const { importer: file, specifier } = edge ?? { importer: failed.file, specifier: "" };
  return placedFailure(failed, {
    code: "syntax-error",
    file,
    place: edge === undefined ? null : findSpecifier(textOf(file) ?? "", specifier),
    reason: `the import of ${JSON.stringify(specifier)} doesn't say that it is JSON`,
    fix: `Write: import … from ${JSON.stringify(specifier)} with { type: "json" }`,
  });
}

function unreadableFailure(failed: FailedImport, error: unknown): LoadFailure | null {
  const code = codeOf(error);
  if (!/^(?:EACCES|EPERM|EISDIR|ENOENT|ELOOP|EMFILE|EIO)$/.test(code)) return null;
  if (!(error instanceof Error && "syscall" in error)) return null;
  const path = "path" in error && typeof error.path === "string" ? error.path : failed.file;
  const known = failed.hooks.graph.dependenciesOf(failed.file);
  // The same codes come from a module that reads a file of its own while it is imported.
  if (!known.has(path)) return null;
  return placedFailure(failed, {
    code: "unreadable",
    file: path,
    reason: `it can't be read (${code})`,
    fix: "Let the user that runs taskrun read it.",
  });
}

/** A text that V8 can't parse. V8 names no place, so every file that may be meant is parsed. */
async function brokenTextFailure(
  failed: FailedImport,
  error: unknown,
): Promise<LoadFailure | null> {
  if (!(error instanceof SyntaxError)) return null;
  const { graph } = failed.hooks;
  const imported = graph.dependenciesOf(failed.file);
  const json = /^(.+?\.json): /.exec(error.message)?.[1];
  const isJson = json !== undefined && imported.has(json);
  if (!isJson && isThrownByProject(error)) return null;
  const candidates = isJson ? [json] : imported;
  for (const file of candidates) {
    const text = textOf(file);
    const fault = text === null ? null : await findSyntaxFault(text, file);
    if (fault !== null) return syntaxFailure(failed, fault);
  }
  const heading = stackHeading(stackOf(error));
  return placedFailure(failed, {
    code: "syntax-error",
    file: heading?.file ?? failed.file,
    place: heading === null ? null : { line: heading.line, column: 1 },
    reason: error.message,
    fix: "Correct the text at this place.",
  });
}

/** A SyntaxError from `JSON.parse` or `new RegExp` in a module, not of a module's own text. */
function isThrownByProject(error: Error): boolean {
  const stack = stackOf(error);
  if (stackHeading(stack) !== null) return false;
  const first = stack.split("\n").find((line) => /^\s+at (?!.*<anonymous>)/.test(line)) ?? "";
  return !/node:internal|wrapSafe/.test(first);
}

function thrownFailure(failed: FailedImport, error: unknown): LoadFailure {
  const places = stackPlaces(stackOf(error)).filter(({ file }) =>
    isProjectUrl(pathToFileURL(file).href),
  );
  const place = places[0] ?? null;
  return placedFailure(failed, {
    code: "import-threw",
    file: place?.file ?? failed.file,
    place,
    reason: `it threw while it was imported: ${thrownText(error)}`,
    fix: fixFor(error, failed),
  });
}

function thrownText(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error, { breakLength: Infinity }).slice(0, 200);
  return error.message === "" ? error.name : `${error.name}: ${error.message}`;
}

function fixFor(error: unknown, failed: FailedImport): string {
  if (/^(?:require|module|exports|__dirname|__filename) is not defined/.test(messageOf(error))) {
    return `It is run as an ES module: write \`import\` and \`export default\`, or give ${basename(failed.file)} the ending .cjs.`;
  }
  return "Correct it, or move what can fail into the handler, where it is retried.";
}
