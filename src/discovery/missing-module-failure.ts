/**
 * An import of what isn't there: a file, a package, or a name that a module doesn't export.
 * Owns the sentences and the "did you mean"; refuses every other fault.
 */

import { readdirSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { LoadFailure } from "../core/catalog.ts";
import { closestName } from "../core/closest-name.ts";
import type { FailedResolution } from "./module-hooks.ts";
import {
  codeOf,
  type FailedImport,
  messageOf,
  placedFailure,
  stackOf,
  textOf,
} from "./placed-failure.ts";
import { findImportedName, findSpecifier, stackHeading } from "./source-location.ts";

const absent = /^(?:ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND|ERR_UNSUPPORTED_DIR_IMPORT)$/;
const refused =
  /^(?:ERR_PACKAGE_PATH_NOT_EXPORTED|ERR_PACKAGE_IMPORT_NOT_DEFINED|ERR_INVALID_MODULE_SPECIFIER|ERR_UNKNOWN_BUILTIN_MODULE|ERR_INVALID_PACKAGE_TARGET|ERR_UNSUPPORTED_ESM_URL_SCHEME)$/;

/** The failure for an import of a file or package that can't be found; null for other errors. */
export function missingModuleFailure(failed: FailedImport, error: unknown): LoadFailure | null {
  const resolution = failed.hooks.failedResolution(error);
  if (resolution === null) return insidePackageFailure(failed, error);
  const { specifier, importer } = resolution;
  return placedFailure(failed, {
    code: "missing-module",
    file: importer,
    place: findSpecifier(textOf(importer) ?? "", specifier),
    reason: absenceOf(specifier, error),
    fix: fixForMissing(resolution, error),
  });
}

/** The failure for an import of a name that the module doesn't export; null for other errors. */
export function missingExportFailure(failed: FailedImport, error: unknown): LoadFailure | null {
  const message = messageOf(error);
  const named =
    /^The requested module '(?<specifier>.+?)' does not provide an export named '(?<name>.+?)'/s.exec(
      message,
    ) ??
    /^Named export '(?<name>.+?)' not found\. The requested module '(?<specifier>.+?)'/.exec(
      message,
    );
  const heading = error instanceof SyntaxError ? stackHeading(stackOf(error)) : null;
  const { specifier, name } = named?.groups ?? {};
  if (heading === null || specifier === undefined || name === undefined) return null;
  const { file } = heading;
  const target = failed.hooks.graph.fileFor(file, specifier);
  return placedFailure(failed, {
    code: "missing-module",
    file,
    place: findImportedName(textOf(file) ?? "", specifier, name),
    reason: `${JSON.stringify(specifier)} has no export named ${JSON.stringify(name)}`,
    fix: fixForExport(name, target === null ? "" : (textOf(target) ?? "")),
  });
}

function insidePackageFailure(failed: FailedImport, error: unknown): LoadFailure | null {
  if (!absent.test(codeOf(error)) && !refused.test(codeOf(error))) return null;
  return placedFailure(failed, {
    code: "missing-module",
    file: failed.file,
    reason: `a package that it imports can't be loaded: ${firstLine(messageOf(error))}`,
    fix: "Install the package's dependencies again: npm install",
  });
}

function absenceOf(specifier: string, error: unknown): string {
  if (!absent.test(codeOf(error))) return firstLine(messageOf(error));
  const what = isPath(specifier) ? "file" : "package";
  return `there is no ${what} ${JSON.stringify(specifier)}`;
}

function fixForMissing({ specifier, importer }: FailedResolution, error: unknown): string {
  if (refused.test(codeOf(error))) return "Import a path that the package exports.";
  if (/^(?:@\/|~\/|#)/.test(specifier)) {
    return "Correct the path, or map it under `paths` in tsconfig.json.";
  }
  if (!isPath(specifier)) {
    const [scopeOrName = "", name = ""] = specifier.split("/");
    return `Install it: npm install ${scopeOrName.startsWith("@") ? `${scopeOrName}/${name}` : scopeOrName}`;
  }
  const wanted = resolve(dirname(importer), specifier);
  const near = closestName(withoutEnding(basename(wanted)), neighbours(dirname(wanted)).keys());
  if (near === null) return "Correct the path, or make the file.";
  const path = specifier.slice(0, specifier.lastIndexOf("/") + 1);
  return `Did you mean ${JSON.stringify(path + neighbours(dirname(wanted)).get(near))}?`;
}

/** The modules in a folder by their names without ending. */
function neighbours(folder: string): Map<string, string> {
  try {
    const files = readdirSync(folder).filter((each) => /\.(?:[cm]?[jt]sx?|json)$/.test(each));
    return new Map(files.map((each) => [withoutEnding(each), each]));
  } catch {
    return new Map();
  }
}

function fixForExport(name: string, target: string): string {
  if (new RegExp(`\\bexport\\s+(?:declare\\s+)?(?:type|interface)\\s+${name}\\b`).test(target)) {
    return `It is a type: write \`import { type ${name} }\`.`;
  }
  if (name === "default") return "Import it by its name in braces, or export a default.";
  const declared = target.matchAll(
    /\bexport\s+(?:async\s+)?(?:const|let|var|function\*?|class)\s+([\w$]+)/g,
  );
  const near = closestName(
    name,
    [...declared].map((match) => match[1] ?? ""),
  );
  return near === null ? "Export it there, or correct the name." : `Did you mean ${near}?`;
}

function isPath(specifier: string): boolean {
  return /^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(specifier);
}

function withoutEnding(file: string): string {
  return file.replace(/\.(?:[cm]?[jt]sx?|json)$/, "");
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
