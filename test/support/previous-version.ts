/**
 * taskrun as it was some time ago, from `test/fixtures/previous-version.tgz`, made by
 * `.ci/freeze-version`. Runs with the packages that are installed here.
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const repositoryDir = resolve(import.meta.dirname, "../..");
const archive = join(repositoryDir, "test/fixtures/previous-version.tgz");

export class PreviousVersion implements AsyncDisposable {
  /** Its command, for `RunningCli`. */
  readonly entry: string;
  /** Names of its migrations, in order. */
  readonly migrations: readonly string[];
  readonly #dir: string;

  private constructor(dir: string, migrations: readonly string[]) {
    this.#dir = dir;
    this.entry = join(dir, "bin/taskrun.js");
    this.migrations = migrations;
  }

  static async unpack(): Promise<PreviousVersion> {
    // Inside the repository, where it finds the packages.
    const parent = join(repositoryDir, ".taskrun");
    await mkdir(parent, { recursive: true });
    const dir = await mkdtemp(join(parent, "previous-"));
    await promisify(execFile)("tar", ["-xzf", archive, "-C", dir]);
    const files = await readdir(join(dir, "src/store/migrations"));
    return new PreviousVersion(dir, files.map((file) => file.replace(/\.sql$/, "")).sort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}
