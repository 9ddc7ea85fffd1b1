/**
 * Other people's queues, installed when they are wanted: they are no dependencies of this project.
 * The packages go into a folder that is kept from run to run; Redis is that of the system, which
 * is asked for it if we may. What can't be had is said, and left out.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const installMs = 180_000;

export interface InstalledPackage {
  readonly version: string;
  /** What it exports. */
  readonly exports: Readonly<Record<string, unknown>>;
}

/** With what it needs beside it. @throws when the registry can't be reached */
export async function installPackage(
  name: string,
  ...beside: readonly string[]
): Promise<InstalledPackage> {
  const folder = process.env.BENCH_PEERS ?? join(tmpdir(), "taskrun-bench-peers");
  await mkdir(folder, { recursive: true });
  const installed = join(folder, "node_modules", name);
  const read = async () => {
    // why: every package's manifest has them
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
      version: string;
    };
    return manifest.version;
  };
  let version = await read().catch(() => null);
  if (version === null) {
    // Without one npm would look for a project further up.
    const manifest = join(folder, "package.json");
    await writeFile(manifest, '{"private":true}', { flag: "wx" }).catch(() => {});
    await run("npm", ["install", "--no-audit", "--no-fund", name, ...beside], {
      cwd: folder,
      timeout: installMs,
    });
    version = await read();
  }
  const entry = join(folder, "entry.mjs");
  await writeFile(entry, "export const load = (name) => import(name);\n");
  const { load } = await import(entry);
  const loaded = await load(name);
  // Of CommonJS not every name is found.
  return { version, exports: { ...loaded.default, ...loaded } };
}

export interface Redis {
  readonly port: number;
  readonly version: string;
  close(): Promise<void>;
}

/** A server of our own that writes its log every second. @throws when there is none to be had */
export async function startRedis(): Promise<Redis> {
  const { stdout } = await run("redis-server", ["--version"]).catch(async () => {
    if (process.getuid?.() !== 0) throw new Error("redis-server is not installed");
    const packages = ["install", "-y", "-qq", "--no-install-recommends", "redis-server"];
    await run("apt-get", packages, { timeout: installMs });
    return run("redis-server", ["--version"]);
  });
  const dir = await mkdtemp(join(tmpdir(), "taskrun-bench-redis-"));
  const port = await freePort();
  const settings = { port, dir, bind: "127.0.0.1", appendonly: "yes", appendfsync: "everysec" };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn("redis-server", [...args, "--save", ""], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await untilReady(server);
  return {
    port,
    version: /v=(\S+)/.exec(stdout)?.[1] ?? "",
    async close() {
      const ended = once(server, "exit");
      server.kill();
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function untilReady(server: ChildProcess): Promise<void> {
  const ready = Promise.withResolvers<void>();
  server.stdout?.setEncoding("utf8").on("data", (text: string) => {
    if (text.includes("Ready to accept connections")) ready.resolve();
  });
  server.once("error", ready.reject);
  server.once("exit", (code) => ready.reject(new Error(`redis-server ended with ${code}`)));
  await ready.promise;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
