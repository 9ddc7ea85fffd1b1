/** A real, durable Postgres of its own, that a test may stop, kill, freeze and start again. */

import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { resetEmbeddedPostgres } from "../../../src/dev/embedded-postgres.ts";
import {
  appName,
  type Cluster,
  openClusterDirectory,
  prepareCluster,
  superuser,
} from "../../../src/dev/postgres/cluster.ts";
import { ensureApplicationDatabase } from "../../../src/dev/postgres/ensure-application-database.ts";
import { findFreePort } from "../../../src/dev/postgres/find-free-port.ts";
import { PostgresServer, type StopMode } from "../../../src/dev/postgres/postgres-server.ts";

export interface OwnServerOptions {
  /** Where it keeps its data. Default: the system's folder for what is temporary. */
  readonly folder?: string;
  /** Added to the server's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

export class OwnServer implements AsyncDisposable {
  readonly #server: PostgresServer;
  readonly #cluster: Cluster;
  readonly #port: number;
  readonly #dataDir: string;
  #exited = Promise.withResolvers<void>();
  #frozen: number[] = [];
  #ended = true;

  private constructor(cluster: Cluster, port: number, dataDir: string) {
    this.#cluster = cluster;
    this.#port = port;
    this.#dataDir = dataDir;
    this.#server = new PostgresServer(cluster, true);
  }

  static async start({ folder, environment }: OwnServerOptions = {}): Promise<OwnServer> {
    const dataDir = await mkdtemp(join(folder ?? tmpdir(), "taskrun-fault-"));
    // The server must be able to have its data in there.
    if (folder !== undefined) await chmod(dataDir, 0o755);
    const directory = await openClusterDirectory(dataDir);
    const made = await prepareCluster(directory, true, () => undefined);
    const cluster = environment === undefined ? made : await within(made, environment);
    const server = new OwnServer(cluster, await findFreePort(null), dataDir);
    await server.start();
    await ensureApplicationDatabase(server.superuserUrl, cluster.settings.appPassword);
    return server;
  }

  get url(): string {
    return this.#urlOf(appName, this.#cluster.settings.appPassword, appName);
  }

  get superuserUrl(): string {
    return this.#urlOf(superuser, this.#cluster.settings.superuserPassword, "postgres");
  }

  get pid(): number {
    return this.#server.pid ?? 0;
  }

  /** Resolves when it accepts connections; a crash leaves its memory in use for a while. */
  async start(): Promise<void> {
    if (!this.#ended) return;
    for (let tries = 1; ; tries += 1) {
      this.#exited = Promise.withResolvers();
      try {
        await this.#server.start(this.#port, () => {
          this.#ended = true;
          this.#exited.resolve();
        });
        this.#ended = false;
        return;
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(100);
      }
    }
  }

  async stop(mode: StopMode): Promise<void> {
    await this.#server.stop(mode);
  }

  async kill(): Promise<void> {
    process.kill(this.pid, "SIGKILL");
    await this.#exited.promise;
  }

  /** Stops the server's processes where they are, as a hanging disk or a paused machine does. */
  async freeze(): Promise<void> {
    this.#frozen = [this.pid];
    process.kill(this.pid, "SIGSTOP");
    for (const pid of await childrenOf(this.pid)) {
      process.kill(pid, "SIGSTOP");
      this.#frozen.push(pid);
    }
  }

  /** Kills one of the server's own processes, after which it recovers as from a crash. */
  async crash(name: string): Promise<void> {
    const children = await childrenOf(this.pid);
    const titles = await Promise.all(
      children.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
    );
    const pid = children.find((_, index) => titles[index]?.includes(name));
    if (pid === undefined) throw new Error(`the server has no ${name}`);
    process.kill(pid, "SIGKILL");
  }

  /** As the superuser, in the application's database. */
  async connect(): Promise<pg.Client> {
    const url = new URL(this.superuserUrl);
    url.pathname = appName;
    const client = new pg.Client({ connectionString: url.href });
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  thaw(): void {
    for (const pid of this.#frozen.splice(0)) process.kill(pid, "SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    await this.#server.stop("fast");
    await resetEmbeddedPostgres(this.#dataDir);
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  #urlOf(role: string, password: string, database: string): string {
    return `postgres://${role}:${password}@127.0.0.1:${this.#port}/${database}`;
  }
}

/** The same cluster, but its server starts with these variables set. */
async function within(
  cluster: Cluster,
  environment: NonNullable<OwnServerOptions["environment"]>,
): Promise<Cluster> {
  const { postgres } = cluster.binaries;
  const script = `${cluster.dataDirectory}.sh`;
  const variables = Object.entries(environment).map(([name, value]) => `${name}='${value}'`);
  await writeFile(script, `#!/bin/sh\nexec env ${variables.join(" ")} '${postgres}' "$@"\n`);
  await chmod(script, 0o755);
  return { ...cluster, binaries: { ...cluster.binaries, postgres: script } };
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const parents = await Promise.all(pids.map(parentOf));
  return pids.filter((_, index) => parents[index] === parent);
}

/** Null for a process that has just ended. */
async function parentOf(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  // The name, in brackets, may itself have brackets and spaces.
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2]);
}
