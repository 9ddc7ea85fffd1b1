/** A pgbouncer before one database, where the program is installed. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findFreePort } from "../../../src/dev/postgres/find-free-port.ts";
import { findSystemAccount } from "../../../src/dev/postgres/system-account.ts";
import { pause } from "../../../src/store/transient.ts";

const program = "pgbouncer";
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", LC_ALL: "C" };

/** Null when it is there. */
export function missingPgBouncer(): Promise<string | null> {
  return promisify(execFile)(program, ["--version"], { env: environment }).then(
    () => null,
    () => "needs pgbouncer (Debian: apt install pgbouncer)",
  );
}

export class PgBouncer implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  /** Resolves when it accepts connections. */
  static async start(databaseUrl: string, mode: "session" | "transaction"): Promise<PgBouncer> {
    const target = new URL(databaseUrl);
    const port = await findFreePort(null);
    const folder = await mkdtemp(join(tmpdir(), "taskrun-bouncer-"));
    const config = join(folder, "pgbouncer.ini");
    await writeFile(config, settings(target, { mode, port }));
    // Neither it nor Postgres runs as root.
    const account = await findSystemAccount(folder, () => undefined);
    if (account !== null) {
      for (const path of [folder, config]) await chown(path, account.uid, account.gid);
    }
    const child = spawn(program, [config], { ...account, env: environment, stdio: "ignore" });
    await once(child, "spawn");
    while (!(await listens(port))) {
      if (child.exitCode !== null) throw new Error(`pgbouncer ended with code ${child.exitCode}`);
      await pause(50);
    }
    target.hostname = "127.0.0.1";
    target.port = String(port);
    return new PgBouncer(target.href, child, folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
    await rm(this.#folder, { recursive: true });
  }
}

function settings(target: URL, { mode, port }: { mode: string; port: number }): string {
  const database = target.pathname.slice(1);
  const server = [
    `host=${target.hostname}`,
    `port=${target.port || 5432}`,
    `dbname=${database}`,
    `user=${target.username}`,
    `password='${decodeURIComponent(target.password)}'`,
  ].join(" ");
  return `[databases]
${database} = ${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = 50
ignore_startup_parameters = extra_float_digits, options, statement_timeout
`;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
