/** What the keys of watch mode do with the process that runs. Owns the words around it. */

import type pg from "pg";
import { closestName } from "../core/closest-name.ts";
import { TaskrunError } from "../core/errors.ts";
import { createEnqueuer, taskFinder } from "../runtime/enqueueing/enqueue.ts";
import { samplePayload } from "../runtime/enqueueing/sample-payload.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { retryJob } from "../store/operations.ts";
import type { Schemas } from "../store/schemas.ts";
import type { KeyAction, Keys } from "./keys.ts";
import { clearTerminal, say } from "./output.ts";
import { describeKeys } from "./show-start.ts";

export interface WatchKeysOptions {
  /** The process of this moment: another one after a new start. */
  readonly runtime: () => Runtime;
  readonly db: () => pg.Pool;
  readonly schemas: () => Schemas;
  readonly keys: () => Pick<Keys, "ask">;
  /** So that processes beside this one do the same. */
  readonly onPause: (paused: boolean) => void;
  readonly quit: () => void;
}

export class WatchKeys {
  readonly actions: readonly KeyAction[];
  readonly #options: WatchKeysOptions;
  #lastFailed: { readonly id: string; readonly task: string } | null = null;
  #lastTask: string | null = null;
  readonly #lastPayloads = new Map<string, string>();

  constructor(options: WatchKeysOptions) {
    this.#options = options;
    this.actions = [
      { key: "r", sentence: "run a task", act: () => this.#run() },
      { key: "f", sentence: "retry the last failure", act: () => this.#retry() },
      { key: "p", sentence: "pause", act: () => this.#pause() },
      { key: "c", sentence: "clear", act: clearTerminal },
      { key: "q", sentence: "quit", act: options.quit },
      { key: "?", sentence: "help", act: () => say(describeKeys(this.actions)) },
    ];
  }

  /** Remembers the failures of a process for `f`. */
  follow(runtime: Runtime): void {
    runtime.events.on("attempt:finished", ({ job, state }) => {
      if (state === "failed") this.#lastFailed = { id: job.id, task: job.task };
    });
  }

  async #run(): Promise<void> {
    const { runtime, db, schemas, keys } = this.#options;
    const { catalog } = runtime();
    const words = [...catalog.tasks.keys()];
    const fallback = this.#lastTask ?? words[0] ?? "";
    const name = await keys().ask({ text: `task [${fallback}]: `, fallback, words });
    if (name === null || name === "") return;
    const findTask = taskFinder(catalog);
    const task = findTask(name);
    if (task === undefined) {
      const meant = closestName(name, words);
      say(`There is no task ${name}.${meant === null ? "" : ` Did you mean ${meant}?`}`);
      return;
    }
    const last = this.#lastPayloads.get(name) ?? JSON.stringify((await samplePayload(task)) ?? {});
    const json = await keys().ask({ text: `payload [${last}]: `, fallback: last });
    if (json === null) return;
    let payload: unknown;
    try {
      payload = JSON.parse(json);
    } catch (error) {
      say(`The payload is not JSON: ${error instanceof Error ? error.message : error}`);
      return;
    }
    this.#lastTask = name;
    this.#lastPayloads.set(name, json);
    const enqueuer = createEnqueuer({ db: db(), schemas: schemas(), findTask });
    const { id } = await enqueuer.enqueue(name, payload);
    say(`Added job ${id} of ${name}.`);
  }

  async #retry(): Promise<void> {
    const failed = this.#lastFailed;
    if (failed === null) {
      say("No job has failed for good since the start.");
      return;
    }
    const { db, schemas } = this.#options;
    try {
      await retryJob(db(), schemas(), failed.id);
      say(`Job ${failed.id} of ${failed.task} is due again.`);
    } catch (error) {
      if (!(error instanceof TaskrunError)) throw error;
      say(error.message);
    }
  }

  async #pause(): Promise<void> {
    const runtime = this.#options.runtime();
    this.#options.onPause(!runtime.paused);
    if (runtime.paused) {
      runtime.resume();
      say("Going on.");
      return;
    }
    await runtime.pause();
    const count = runtime.running;
    const still = count === 0 ? "" : ` ${count === 1 ? "1 job" : `${count} jobs`} still running.`;
    say(`Paused: this process takes no jobs until you press p again.${still}`);
  }
}
