/**
 * Ends a start that will never come to an end: code that loops while it is imported by Node's own
 * import holds up the whole process, which then can't even answer a signal. A thread sees that
 * nothing moves any more, finds out which file it is, says so and kills the process.
 */

import { Worker } from "node:worker_threads";
import type { ImportWatchdogThreadData } from "./import-watchdog-thread.ts";

const pulseMs = 50;

export class ImportWatchdog {
  readonly #limitMs: number;
  #worker: Worker | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Until `stop`, no import of these may hold up the process for longer than the limit. */
  start(projectDir: string, files: readonly string[]): void {
    const pulse = new Int32Array(new SharedArrayBuffer(4));
    this.#timer = setInterval(() => Atomics.add(pulse, 0, 1), pulseMs);
    this.#timer.unref();
    const limitMs = this.#limitMs;
    const workerData: ImportWatchdogThreadData = {
      pulse: pulse.buffer,
      limitMs,
      projectDir,
      files,
    };
    // The same folder before and after compilation, but for the file's ending.
    const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const url = new URL(`./import-watchdog-thread.${ending}`, import.meta.url);
    this.#worker = new Worker(url, { workerData });
    this.#worker.unref();
    // Without it a start is only less safe.
    this.#worker.on("error", () => {});
  }

  stop(): void {
    clearInterval(this.#timer);
    void this.#worker?.terminate();
    this.#worker = null;
  }
}
