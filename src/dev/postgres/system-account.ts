/**
 * Who runs the server when we are root, whom Postgres refuses. Owns the choice and, where there
 * is none to choose, the creation of a system user. Ordinary users run the server themselves.
 */

import { execFile, spawnSync } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where `id`, `useradd` and `adduser` are, whatever PATH says. */
const systemPath = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/** As `spawn` takes it. */
export interface SystemAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account for the server whose data is, or will be, in `dataDirectory`; null = our own.
 * A cluster keeps the account that made it.
 *
 * @throws when we are root and there is no `postgres` user and none can be made.
 */
export async function findSystemAccount(
  dataDirectory: string,
  onProgress: (message: string) => void,
): Promise<SystemAccount | null> {
  if (process.getuid?.() !== 0) return null;
  const data = await stat(dataDirectory).catch(() => null);
  if (data !== null && data.uid !== 0) return { uid: data.uid, gid: data.gid };
  return ensureSystemUser("postgres", onProgress);
}

/** The user `name`; made when it is missing. Only root may call it. */
export async function ensureSystemUser(
  name: string,
  onProgress: (message: string) => void,
): Promise<SystemAccount> {
  const existing = await lookUp(name);
  if (existing !== null) return existing;
  onProgress(`creating the system user "${name}", since Postgres refuses to run as root`);
  const shadow = ["--system", "--user-group", "--no-create-home", "--shell", "/bin/false", name];
  const attempts: [string, string[]][] = [
    ["useradd", shadow],
    ["adduser", ["-S", "-D", "-H", "-s", "/bin/false", name]],
  ];
  const reasons: string[] = [];
  for (const [command, args] of attempts) {
    try {
      await run(command, args, { env: systemPath });
      const created = await lookUp(name);
      if (created !== null) return created;
    } catch (error) {
      reasons.push(error instanceof Error ? error.message.trim() : String(error));
    }
  }
  throw new Error(
    `Postgres refuses to run as root, and a system user "${name}" could not be made ` +
      `(${reasons.join("; ")}). Make one, run as an ordinary user, or set DATABASE_URL.`,
  );
}

/** Whether the account may enter the directory. */
export function canEnter(account: SystemAccount, directory: string): boolean {
  const attempt = spawnSync("/bin/sh", ["-c", 'cd -- "$1"', "sh", directory], {
    ...account,
    cwd: "/",
    stdio: "ignore",
  });
  return attempt.status === 0;
}

async function lookUp(name: string): Promise<SystemAccount | null> {
  try {
    const [uid, gid] = await Promise.all([
      run("id", ["-u", name], { env: systemPath }),
      run("id", ["-g", name], { env: systemPath }),
    ]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}
