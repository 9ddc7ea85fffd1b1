/** The command line as a user runs it: a process of its own, in a folder, with its streams. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const ownEntry = fileURLToPath(new URL("./cli-entry.ts", import.meta.url));

export interface CliOptions {
  readonly cwd: string;
  /** Added to an environment without DATABASE_URL and TASKRUN_…. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** For node itself, before the script. */
  readonly nodeFlags?: readonly string[];
  /** Another script than the command line's. */
  readonly entry?: string;
  /** A command that becomes node at its end, as `sh -c '…; exec "$@"' sh` does. */
  readonly within?: readonly string[];
}

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const cli = new RunningCli(args, options);
  return cli.ended;
}

export class RunningCli implements AsyncDisposable {
  readonly ended: Promise<CliResult>;
  readonly child: ChildProcess;
  #stdout = "";
  #stderr = "";
  #result: CliResult | null = null;
  #waiting: (() => void)[] = [];

  constructor(args: readonly string[], options: CliOptions) {
    const { cwd, env = {}, input, nodeFlags = [], entry = ownEntry, within = [] } = options;
    const flags = ["--conditions=taskrun-source", ...nodeFlags, entry, ...args];
    const [command = "", ...rest] = [...within, process.execPath, ...flags];
    this.child = spawn(command, rest, {
      cwd,
      env: { ...cleanEnvironment(), ...env },
      stdio: "pipe",
    });
    this.child.stdout?.on("data", (chunk) => {
      this.#stdout += chunk;
      this.#look();
    });
    this.child.stderr?.on("data", (chunk) => {
      this.#stderr += chunk;
      this.#look();
    });
    this.child.stdin?.end(input ?? "");
    this.ended = once(this.child, "close").then(([code, signal]) => {
      this.#result = { code, signal, stdout: this.#stdout, stderr: this.#stderr };
      this.#look();
      return this.#result;
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when the output contains `text`. */
  async says(text: string): Promise<void> {
    while (!`${this.#stdout}${this.#stderr}`.includes(text)) {
      if (this.#result !== null) {
        throw new Error(`never said ${JSON.stringify(text)}: ${JSON.stringify(this.#result)}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#result === null) this.kill("SIGKILL");
    await this.ended;
  }

  #look(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter(
    (name) => !/^(DATABASE_URL|TASKRUN_|PG|NODE_|VITEST|FORCE_COLOR|NO_COLOR)/.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}
