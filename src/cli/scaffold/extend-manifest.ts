/**
 * A package.json with what a taskrun project needs added. Owns what is missing; leaves what is
 * there as it is, the order and the indentation too.
 */

import path from "node:path";
import { z } from "zod";
import { CliError } from "../cli-error.ts";
import { exitCodes } from "../exit-codes.ts";
import { dependencyOnTaskrun, type OwnPackage } from "./own-package.ts";

export interface ManifestOptions {
  readonly projectDir: string;
  readonly own: OwnPackage;
  /** Whether to bring the npm package `node`. */
  readonly bringsNode: boolean;
}

export interface ExtendedManifest {
  readonly text: string;
  /** "scripts dev, start", …; empty if nothing was missing. */
  readonly added: readonly string[];
  readonly isModule: boolean;
  /** Whether its tests run with vitest. */
  readonly hasVitest: boolean;
}

const strings = z.record(z.string(), z.string()).optional();

const manifestSchema = z.looseObject({
  type: z.string().optional(),
  scripts: strings,
  dependencies: strings,
  devDependencies: strings,
  peerDependencies: strings,
  optionalDependencies: strings,
  allowScripts: z.record(z.string(), z.unknown()).optional(),
});

type Manifest = z.output<typeof manifestSchema>;
type Section = "scripts" | "dependencies" | "devDependencies" | "allowScripts";

const scripts = {
  dev: "taskrun --watch",
  start: "taskrun",
  test: "vitest run",
  check: "taskrun check",
  types: "tsc --noEmit",
};

/** `text` is what the file has; null for none. @throws CliError when it is no package.json */
export function extendManifest(text: string | null, options: ManifestOptions): ExtendedManifest {
  const manifest = text === null ? newManifest(options.projectDir) : readManifest(text, options);
  if (manifest.scripts?.test?.includes("no test specified")) delete manifest.scripts.test;
  const { test } = manifest.scripts ?? {};
  const hasVitest = test === undefined || /\bvitest\b/.test(test);
  const added = [
    ...add(manifest, "scripts", scripts),
    ...addPackages(manifest, options, hasVitest),
    ...addAllowedScripts(manifest, options),
  ];
  const indent = /^([ \t]+)"/m.exec(text ?? "")?.[1] ?? "  ";
  const unchanged = text !== null && added.length === 0;
  return {
    text: unchanged ? text : `${JSON.stringify(manifest, null, indent)}\n`,
    added,
    isModule: manifest.type === "module",
    hasVitest,
  };
}

function newManifest(projectDir: string): Manifest {
  const name = path
    .basename(projectDir)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  // npm would find a package of taskrun's own name in place of the dependency.
  const isUsable = name !== "" && name !== "taskrun" && name !== "node_modules";
  return { name: isUsable ? name : "my-tasks", version: "0.0.0", private: true, type: "module" };
}

function readManifest(text: string, { projectDir }: ManifestOptions): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text.replace(/^\uFEFF/, "")));
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? z.prettifyError(error)
        : error instanceof Error && error.message;
    const file = path.join(projectDir, "package.json");
    throw new CliError(
      exitCodes.config,
      `${file} can't be extended: ${reason}`,
      "Mend it, then run `taskrun init` again. Nothing was written.",
    );
  }
}

function addPackages(
  manifest: Manifest,
  { own, projectDir, bringsNode }: ManifestOptions,
  hasVitest: boolean,
): string[] {
  const wanted = ["typescript", "@types/node"];
  if (hasVitest) wanted.push("vitest");
  if (bringsNode) wanted.push("node");
  const needed = {
    taskrun: dependencyOnTaskrun(own, projectDir),
    ...pick(own.dependencies, ["zod"]),
  };
  return [
    ...add(manifest, "dependencies", withoutDependencies(manifest, needed)),
    ...add(
      manifest,
      "devDependencies",
      withoutDependencies(manifest, pick(own.devDependencies, wanted)),
    ),
  ];
}

/** npm runs the install scripts of dependencies only where the project names them. */
function addAllowedScripts(manifest: Manifest, { own }: ManifestOptions): string[] {
  const hasNode = manifest.devDependencies?.node ?? manifest.dependencies?.node;
  const wanted = Object.entries(own.allowScripts).filter(
    ([name]) => name !== "node" || hasNode !== undefined,
  );
  const added = add(manifest, "allowScripts", Object.fromEntries(wanted));
  return added.length === 0 ? [] : ["allowScripts"];
}

function pick(
  versions: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, versions[name] ?? "*"]));
}

function withoutDependencies(
  manifest: Manifest,
  wanted: Readonly<Record<string, string>>,
): Record<string, string> {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
  const have = {
    ...dependencies,
    ...devDependencies,
    ...optionalDependencies,
    ...peerDependencies,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => !(name in have)));
}

/** Says what it added; nothing if all was there. */
function add(
  manifest: Manifest,
  section: Section,
  wanted: Readonly<Record<string, string | boolean>>,
): string[] {
  const have: Readonly<Record<string, unknown>> = manifest[section] ?? {};
  const missing = Object.entries(wanted).filter(([name]) => !(name in have));
  if (missing.length === 0) return [];
  Object.assign(manifest, { [section]: { ...have, ...Object.fromEntries(missing) } });
  return [`${section} ${missing.map(([name]) => name).join(", ")}`];
}
