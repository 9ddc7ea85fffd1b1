/**
 * What `taskrun init` would do in a folder, as a value: one entry per file, with its new text.
 * Reads the folder; writes nothing.
 */

import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { scan } from "../../discovery/scan.ts";
import { CliError } from "../cli-error.ts";
import { exitCodes } from "../exit-codes.ts";
import { extendIgnoreFile } from "./extend-ignore-file.ts";
import { extendManifest } from "./extend-manifest.ts";
import { needsNodePackage } from "./node-package.ts";
import { type OwnPackage, ownPackage } from "./own-package.ts";
import {
  configFile,
  configFileNames,
  crontabFile,
  firstTaskFile,
  firstTestFile,
  ignoredPaths,
  type ProjectFile,
  tsconfigFile,
} from "./project-files.ts";

export interface PlannedFile {
  /** Relative to the project. */
  readonly path: string;
  readonly action: "create" | "change" | "keep";
  /** What the file will have; null where it is kept. */
  readonly text: string | null;
  /** What is added, or why it is kept; null if the action says it all. */
  readonly note: string | null;
}

export interface ProjectPlan {
  readonly projectDir: string;
  readonly files: readonly PlannedFile[];
  /** The project brings a Node of its own. */
  readonly bringsNode: boolean;
}

export interface PlanProjectOptions {
  readonly own?: OwnPackage;
  readonly bringsNode?: boolean;
}

/** @throws CliError when the folder or its package.json can't be used */
export async function planProject(
  projectDir: string,
  options: PlanProjectOptions = {},
): Promise<ProjectPlan> {
  await refuseFile(projectDir);
  const { own = ownPackage() } = options;
  const { bringsNode = needsNodePackage(own.engines.node) } = options;
  const before = await readText(path.join(projectDir, "package.json"));
  const manifest = extendManifest(before, { projectDir, own, bringsNode });
  const created = [tsconfigFile(manifest.isModule), crontabFile];
  const files = [
    extended("package.json", before, manifest),
    ...(await Promise.all(created.map((file) => unlessThere(projectDir, file)))),
    await planConfig(projectDir),
    await planIgnoreFile(projectDir),
    ...(await planExamples(projectDir, manifest.hasVitest)),
  ];
  return { projectDir, files, bringsNode };
}

async function refuseFile(projectDir: string): Promise<void> {
  const found = await stat(projectDir).catch(() => null);
  if (found === null || found.isDirectory()) return;
  throw new CliError(exitCodes.usage, `${projectDir} is a file`, "Name a folder.");
}

function extended(
  file: string,
  before: string | null,
  after: { readonly text: string; readonly added: readonly string[] },
): PlannedFile {
  const { text, added } = after;
  if (before === null) return { path: file, action: "create", text, note: null };
  if (added.length === 0) return { path: file, action: "keep", text: null, note: null };
  return { path: file, action: "change", text, note: `added ${added.join("; ")}` };
}

async function unlessThere(projectDir: string, file: ProjectFile): Promise<PlannedFile> {
  const isThere = await exists(path.join(projectDir, file.path));
  if (isThere) return { path: file.path, action: "keep", text: null, note: null };
  return { path: file.path, action: "create", text: file.text, note: null };
}

async function planConfig(projectDir: string): Promise<PlannedFile> {
  for (const name of configFileNames) {
    if (await exists(path.join(projectDir, name))) {
      return { path: name, action: "keep", text: null, note: null };
    }
  }
  return { path: configFile.path, action: "create", text: configFile.text, note: null };
}

async function planIgnoreFile(projectDir: string): Promise<PlannedFile> {
  const before = await readText(path.join(projectDir, ".gitignore"));
  return extended(".gitignore", before, extendIgnoreFile(before ?? "", ignoredPaths));
}

/** Who has tasks needs no example; who tests with something else, no test of ours. */
async function planExamples(projectDir: string, hasVitest: boolean): Promise<PlannedFile[]> {
  const { tasks } = await scan(path.join(projectDir, "tasks"));
  if (tasks.length > 0) {
    const note = tasks.length === 1 ? "has 1 task" : `has ${tasks.length} tasks`;
    return [{ path: "tasks/", action: "keep", text: null, note }];
  }
  const examples = hasVitest ? [firstTaskFile, firstTestFile] : [firstTaskFile];
  return Promise.all(examples.map((file) => unlessThere(projectDir, file)));
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null)) !== null;
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return null;
    throw new CliError(exitCodes.usage, `${file} can't be read (${String(code)})`);
  }
}
