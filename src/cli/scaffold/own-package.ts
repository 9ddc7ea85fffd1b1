/**
 * What a new project must know of the taskrun that makes it: which one to depend on, and the
 * versions that it was tested with. Read from taskrun's own package.json, so nothing is said
 * twice.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

const versions = z.record(z.string(), z.string());

const manifest = z.object({
  version: z.string(),
  engines: z.object({ node: z.string() }),
  dependencies: versions,
  devDependencies: versions,
  allowScripts: z.record(z.string(), z.boolean()),
});

export interface OwnPackage extends z.output<typeof manifest> {
  /** Absolute path of the folder that taskrun runs from, links resolved. */
  readonly folder: string;
}

export function ownPackage(): OwnPackage {
  const folder = path.resolve(import.meta.dirname, "../../..");
  const text = readFileSync(path.join(folder, "package.json"), "utf8");
  return { ...manifest.parse(JSON.parse(text)), folder };
}

/**
 * What the project in `projectDir` writes behind "taskrun" in its dependencies: the version, or
 * the folder if this is a checkout. A checkout right beside the project or in it is named
 * relatively, so that both can move together.
 */
export function dependencyOnTaskrun(
  { folder, version }: Pick<OwnPackage, "folder" | "version">,
  projectDir: string,
): string {
  if (folder.split(path.sep).includes("node_modules")) {
    return installedFrom(folder) ?? `^${version}`;
  }
  const way = path.relative(projectDir, folder);
  const isNear = way !== "" && !way.startsWith(path.join("..", "..")) && !path.isAbsolute(way);
  return `file:${(isNear ? way : folder).replaceAll(path.sep, "/")}`;
}

/**
 * The file, link or repository that this taskrun was installed from, when it was not the
 * registry: `npx --package=./taskrun.tgz taskrun init` has to make a project of that very one.
 */
function installedFrom(folder: string): string | null {
  const project = folder.slice(0, folder.lastIndexOf(`${path.sep}node_modules${path.sep}`));
  let text: string;
  try {
    text = readFileSync(path.join(project, "package.json"), "utf8");
  } catch {
    return null;
  }
  const parsed = z.object({ dependencies: versions }).safeParse(parsedJson(text));
  const wanted = parsed.success ? parsed.data.dependencies.taskrun : undefined;
  if (wanted === undefined || !/^(file|link|git|https?)[+:]/.test(wanted)) return null;
  const file = /^file:(.*)$/.exec(wanted)?.[1];
  return file === undefined
    ? wanted
    : `file:${path.resolve(project, file).replaceAll(path.sep, "/")}`;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
