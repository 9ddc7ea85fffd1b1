/** A project in a folder of its own, with real files, loaded by Node itself. */

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { LoadFailure } from "../../src/core/catalog.ts";
import type { Task } from "../../src/core/task.ts";

const repositoryDir = resolve(import.meta.dirname, "../..");
const printCatalog = join(repositoryDir, "test/support/print-catalog.ts");

export interface PrintedTask extends Omit<Task, "middleware"> {
  readonly middleware: number;
  /** What the handler returned for the payload 2. */
  readonly output: unknown;
}

export interface PrintedCatalog {
  readonly tasks: readonly PrintedTask[];
  readonly failures: readonly LoadFailure[];
  readonly names: readonly string[];
  /** What Node wrote to stderr: its warnings. */
  readonly warnings: string;
}

export interface LoadOptions {
  readonly importTimeoutMs?: number;
  /** Another way to the project's folder. */
  readonly projectDir?: string;
  /** File modes hold also when the tests run as root. */
  readonly unprivileged?: boolean;
}

export class TaskProject implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** Writes the files; the keys are paths relative to the project. */
  static async of(files: Readonly<Record<string, string>>): Promise<TaskProject> {
    const project = new TaskProject(await realpath(await mkdtemp(join(tmpdir(), "tasks-"))));
    for (const [path, text] of Object.entries(files)) await project.write(path, text);
    return project;
  }

  path(path: string): string {
    return join(this.dir, path);
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    // In one go: whoever watches the file would take it for an empty one between two steps.
    writeFileSync(this.path(path), text);
  }

  async link(path: string, target: string): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    await symlink(target, this.path(path));
  }

  /** Lets the project import the repository's packages. */
  async installPackages(...names: string[]): Promise<void> {
    for (const name of names) {
      await this.link(`node_modules/${name}`, join(repositoryDir, "node_modules", name));
    }
  }

  async load(options: LoadOptions = {}): Promise<PrintedCatalog> {
    const { importTimeoutMs = 20_000, projectDir = this.dir, unprivileged = false } = options;
    const user = unprivileged && process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    if (unprivileged) await chmod(this.dir, 0o755);
    const request = {
      projectDir,
      tasksDir: join(projectDir, "tasks"),
      importTimeoutMs,
    };
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ["--conditions=taskrun-source", printCatalog, JSON.stringify(request)],
      { cwd: this.dir, maxBuffer: 64 * 1024 * 1024, ...user },
    );
    const printed: Pick<PrintedCatalog, "tasks" | "failures"> = JSON.parse(stdout);
    return { ...printed, names: printed.tasks.map(({ name }) => name), warnings: stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true });
  }
}
