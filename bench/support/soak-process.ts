/** `taskrun --watch` as a process under the soak's eyes. Linux only: it reads /proc. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Probe } from "./soak-probe.ts";

export interface Holdings extends Probe {
  readonly rssMb: number;
  readonly openFiles: number;
  readonly threads: number;
}

const entry = fileURLToPath(new URL("../../bin/taskrun.js", import.meta.url));
const probe = new URL("./soak-probe.ts", import.meta.url).href;
const patienceMs = 30_000;

export class SoakProcess {
  readonly #child: ChildProcess;
  readonly #probeFile: string;
  readonly ended: Promise<number | null>;
  #told = "";
  #reloads = 0;
  #probes = 0;

  private constructor(child: ChildProcess, probeFile: string) {
    this.#child = child;
    this.#probeFile = probeFile;
    this.ended = once(child, "exit").then(([code]) => code);
    child.stderr?.on("data", (chunk) => {
      const text = String(chunk);
      this.#reloads += text.split("↻").length - 1;
      // Enough to say what it was when something goes wrong.
      this.#told = (this.#told + text).slice(-20_000);
    });
  }

  /** Resolves when it takes jobs. */
  static async start(dir: string, connectionString: string): Promise<SoakProcess> {
    const probeFile = join(dir, "probe.json");
    const flags = ["--disable-warning=ExperimentalWarning", "--expose-gc", `--import=${probe}`];
    const child = spawn(process.execPath, [...flags, entry, "--watch"], {
      cwd: dir,
      env: {
        ...process.env,
        DATABASE_URL: connectionString,
        SOAK_PROBE_FILE: probeFile,
        TASKRUN_LOG_FORMAT: "json",
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const soaked = new SoakProcess(child, probeFile);
    await soaked.#until(() => soaked.#told.includes("add jobs"), "told that it is ready");
    return soaked;
  }

  /** How many times it has said that it took over saved code. */
  get reloads(): number {
    return this.#reloads;
  }

  /** The last of what it said to people. */
  get told(): string {
    return this.#told;
  }

  /** What it holds now; its heap after a collection of garbage, its memory before that. */
  async look(): Promise<Holdings> {
    const pid = this.#child.pid ?? 0;
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const figure = (name: string) => Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)?.[1]);
    const openFiles = readdirSync(`/proc/${pid}/fd`).length;
    const seen = { rssMb: figure("VmRSS") / 1024, openFiles, threads: figure("Threads") };
    this.#probes += 1;
    this.#child.kill("SIGUSR2");
    await this.#until(() => this.#probe()?.number === this.#probes, "answered");
    const probed = this.#probe();
    if (probed === null) throw new Error("the answer is there");
    return { ...seen, ...probed };
  }

  /** The exit code of a stop as its supervisor would ask for it. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    const late = pause(patienceMs, null, { ref: false }).then(() => this.#child.kill("SIGKILL"));
    await Promise.race([this.ended, late]);
    return this.ended;
  }

  #probe(): Probe | null {
    try {
      return JSON.parse(readFileSync(this.#probeFile, "utf8"));
    } catch {
      return null;
    }
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!holds()) {
      const { exitCode, signalCode } = this.#child;
      if (exitCode !== null || signalCode !== null) {
        throw new Error(`taskrun ended (${exitCode ?? signalCode}): ${this.#told}`);
      }
      if (performance.now() > deadline) {
        throw new Error(`taskrun has not ${what} in ${patienceMs / 1000} s: ${this.#told}`);
      }
      await pause(20);
    }
  }
}
