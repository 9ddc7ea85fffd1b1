/** How a project file is to be run. Owns the rule, which is that of the native loader. */

import { extname } from "node:path";
import { moduleSyntax } from "../../discovery/module-syntax.ts";
import type { PackageType } from "./package-lookup.ts";

/** "native": nothing that taskrun knows; Node decides. */
export type ModuleFormat = "module" | "commonjs" | "json" | "native";

const fixed: Readonly<Record<string, ModuleFormat>> = {
  ".mjs": "module",
  ".mts": "module",
  ".cjs": "commonjs",
  ".cts": "commonjs",
  ".json": "json",
};

export function moduleFormat(file: string, source: string, type: PackageType): ModuleFormat {
  const ending = extname(file);
  const byEnding = fixed[ending];
  if (byEnding !== undefined) return byEnding;
  if (!/^\.[jt]sx?$/.test(ending)) return "native";
  if (type === "module") return type;
  // `npm init` writes "commonjs" beside files that use import and export.
  const syntax = moduleSyntax(source);
  if (syntax !== "unclear") return syntax;
  if (type !== null) return type;
  // Node tries it as CommonJS first, where these can't be; the last two are unclear in a module
  // that makes a `require` of its own.
  return /\bimport\.meta\b|^\s*await\b|=\s*await\b|^\s*(?:import|export)\b/m.test(source)
    ? "module"
    : "commonjs";
}
