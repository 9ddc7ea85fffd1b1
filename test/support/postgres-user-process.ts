/** A process that uses an embedded Postgres, for tests that need several, or one to kill. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface PostgresUserProcess {
  readonly pid: number;
  readonly url: string;
  readonly superuserUrl: string;
  readonly port: number;
  readonly startedHere: boolean;
  /** Lets the process stop using the server and end by itself. */
  end(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
}

const script = `
  const [, module, options] = process.argv;
  const { startEmbeddedPostgres } = await import(module);
  try {
    const postgres = await startEmbeddedPostgres(JSON.parse(options));
    console.log(JSON.stringify(postgres));
    process.stdin.resume().once("close", () => postgres.stop());
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }`;

/** @param account whom to run as, when we are root */
export async function startPostgresUser(
  options: { dataDir: string; durable?: boolean; keepRunning?: boolean },
  account: { uid?: number; gid?: number } = {},
): Promise<PostgresUserProcess> {
  const module = new URL("../../src/dev/embedded-postgres.ts", import.meta.url).href;
  const child: ChildProcess = spawn(
    process.execPath,
    ["--input-type=module", "-e", script, module, JSON.stringify({ durable: false, ...options })],
    { ...account, cwd: "/", stdio: ["pipe", "pipe", "inherit"] },
  );
  const exited = once(child, "exit");
  if (child.stdout === null || child.stdin === null) throw new Error("no pipes");
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { value = "{}" } = await lines.next();
  const said = JSON.parse(value);
  if (said.error !== undefined) throw new Error(said.error);
  return {
    ...said,
    pid: child.pid,
    async end() {
      child.stdin?.end();
      await exited;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
