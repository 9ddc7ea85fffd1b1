/** A user's application: a script in a project's folder, run by Node as it is. */

import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { TaskProject } from "./task-project.ts";

const repositoryDir = resolve(import.meta.dirname, "../..");

/** Lets the project import taskrun from its sources, and zod. */
export async function installTaskrun(project: TaskProject): Promise<void> {
  await project.link("node_modules/taskrun", repositoryDir);
  await project.installPackages("zod");
}

/** Runs a file of the project to its end and returns the JSON that it printed. */
export async function runApp(
  project: TaskProject,
  file: string,
  { cwd = ".", env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<unknown> {
  const { DATABASE_URL: _, ...environment } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=taskrun-source", join(project.dir, file)],
    { cwd: join(project.dir, cwd), env: { ...environment, ...env }, timeout: 180_000 },
  );
  return JSON.parse(stdout);
}
