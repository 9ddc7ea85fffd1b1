/**
 * Tells the compiler which tasks there are: writes `taskrun-env.d.ts` at the project's root from
 * the catalog. It points at the task files, so that it changes only when a task comes, goes or
 * changes its names; payload types follow the files by themselves. Refuses to look into them.
 *
 * The imports end in .ts whatever the tsconfig says: declaration files may always write it so.
 */

import { readFile, rename, writeFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import type { Catalog, LoadFailure } from "../core/catalog.ts";
import { TsconfigLookup } from "../discovery/tsconfig-lookup.ts";

export interface TaskTypesOptions {
  /** Absolute path. */
  readonly projectDir: string;
  readonly catalog: Catalog;
  /** false = only say whether the file would change. Default true. */
  readonly write?: boolean;
}

export interface WrittenTypes {
  /** Absolute path. */
  readonly file: string;
  /** Whether the file was, or would be, written. */
  readonly changed: boolean;
  readonly taskCount: number;
}

export const taskTypesFileName = "taskrun-env.d.ts";

/** Writes the file when its content is another one than before. */
export async function writeTaskTypes(options: TaskTypesOptions): Promise<WrittenTypes> {
  const { projectDir, catalog, write = true } = options;
  const file = join(projectDir, taskTypesFileName);
  const { allowJs = false } = new TsconfigLookup().compilerOptions(file);
  const entries = entriesOf(catalog);
  const text = typesText(entries, projectDir, allowJs);
  const changed = text !== (await readFile(file, "utf8").catch(() => null));
  if (changed && write) {
    // An editor's compiler may read it at any moment.
    const unfinished = `${file}.${process.pid}.tmp`;
    await writeFile(unfinished, text);
    await rename(unfinished, file);
  }
  return { file, changed, taskCount: new Set(entries.map((entry) => entry.file)).size };
}

interface Entry {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
}

/** A file that can't be loaded just now keeps its name: the compiler says itself what is wrong. */
const stillTasks: ReadonlySet<LoadFailure["code"]> = new Set([
  "syntax-error",
  "missing-module",
  "import-threw",
  "import-timeout",
  "bad-definition",
]);

function entriesOf({ tasks, failures }: Catalog): Entry[] {
  const files = new Map<string, string>();
  for (const { task, code, file } of failures) {
    if (task !== null && stillTasks.has(code)) files.set(task, file);
  }
  for (const { name, aliases, file } of tasks.values()) {
    for (const each of [name, ...aliases]) files.set(each, file);
  }
  return [...files]
    .map(([name, file]) => ({ name, file }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function typesText(entries: readonly Entry[], projectDir: string, allowJs: boolean): string {
  const lines = entries.map(({ name, file }) => {
    const type = isTyped(file, allowJs)
      ? `TaskEntry<typeof import(${specifier(projectDir, file)})["default"]>`
      : "{ readonly input: unknown; readonly output: unknown }";
    return `    ${JSON.stringify(name)}: ${type};`;
  });
  return [
    "// The tasks of this project, for the compiler. Written by `taskrun types` and by watch mode;",
    "// not to be edited. Commit it, or write it before each compilation.",
    'import type { TaskEntry } from "taskrun";',
    "",
    'declare module "taskrun" {',
    "  interface TaskrunTasks {",
    ...lines,
    "  }",
    "}",
    "",
  ].join("\n");
}

/** CommonJS exports no default that the compiler would find everywhere. */
function isTyped(file: string, allowJs: boolean): boolean {
  const extension = extname(file);
  return /^\.[cm]?tsx?$/.test(extension) || (allowJs && extension !== ".cjs");
}

function specifier(projectDir: string, file: string): string {
  const path = relative(projectDir, file).split(sep).join("/");
  return JSON.stringify(path.startsWith("../") ? path : `./${path}`);
}
