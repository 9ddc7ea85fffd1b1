/**
 * The thread that beats for a process while it has work: owns that there is one, and what it is
 * told. What it does is `beat-thread`. A process without work beats by its regular look instead: a
 * thread takes as much memory as a quarter of an idle process.
 */

import { Worker } from "node:worker_threads";
import type { Logger } from "../../core/logger.ts";
import type { BeatMessage, BeatOrder, BeatThreadData, BlockReport } from "./beat-thread.ts";

export interface HeartbeatOptions {
  /** All but the process's id. */
  readonly data: Omit<BeatThreadData, "processId">;
  readonly processId: () => string;
  readonly logger: Logger;
  /** The row of this id has been declared dead, or is gone. */
  readonly onDead: (id: string) => void;
  readonly onBlocked: (report: BlockReport) => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #thread: Worker | null = null;
  #beats = false;
  #again: NodeJS.Timeout | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** The thread is there, or is being started. */
  get isOn(): boolean {
    return this.#thread !== null || this.#again !== undefined;
  }

  /** The thread has shown the database that this process lives: nobody else need. */
  get beats(): boolean {
    return this.#beats;
  }

  /**
   * Starts the thread unless it is there. It comes up by itself from then on, also when this
   * turn of the event loop never ends.
   */
  start(): void {
    if (this.isOn) return;
    const { data, processId, logger } = this.#options;
    const workerData: BeatThreadData = { ...data, processId: processId() };
    // The same folder before and after compilation, but for the file's ending.
    const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const thread = new Worker(new URL(`./beat-thread.${ending}`, import.meta.url), { workerData });
    thread.unref();
    thread.on("message", (message: BeatMessage) => {
      if (thread === this.#thread) this.#hear(message);
    });
    thread.on("error", (error) => {
      if (thread !== this.#thread) return;
      logger.error({ err: error }, "the heartbeat thread failed; starting another");
      this.#forget();
      this.#again = setTimeout(() => {
        this.#again = undefined;
        this.start();
      }, data.intervalMs).unref();
    });
    this.#thread = thread;
  }

  /** The process has another id from now on. */
  renamed(): void {
    this.#tell({ processId: this.#options.processId() });
  }

  /** Lets the thread end by itself; whoever else beats does so from now on. */
  rest(): void {
    this.#tell("stop");
    this.#forget();
  }

  /** Resolves when the thread has ended. */
  async stop(): Promise<void> {
    const thread = this.#thread;
    this.rest();
    clearTimeout(this.#again);
    this.#again = undefined;
    await thread?.terminate();
  }

  #tell(order: BeatOrder): void {
    this.#thread?.postMessage(order);
  }

  #forget(): void {
    this.#thread = null;
    this.#beats = false;
  }

  #hear(message: BeatMessage): void {
    if ("beats" in message) this.#beats = true;
    else if ("deadId" in message) this.#options.onDead(message.deadId);
    else this.#options.onBlocked(message.wasBlocked);
  }
}
