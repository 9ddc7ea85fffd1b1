/** A project in a folder of its own and a process in which a GraphLoader has loaded it. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { LoadFailure } from "../../src/core/catalog.ts";
import type { TaskLayer } from "../../src/core/resolve-task.ts";
import type { PrintedTask } from "./task-project.ts";
import { TaskProject } from "./task-project.ts";

/** Tasks as "name@version". */
export interface ShownChanges {
  readonly added: readonly string[];
  readonly reloaded: readonly string[];
  readonly removed: readonly string[];
  readonly failures: readonly LoadFailure[];
  readonly all: readonly string[];
  readonly allFailures: readonly LoadFailure[];
  readonly files: readonly string[];
  readonly durationMs: number;
}

export interface ShownCatalog {
  readonly tasks: readonly PrintedTask[];
  readonly failures: readonly LoadFailure[];
}

export interface WatchOptions {
  readonly importTimeoutMs?: number;
  /** Whether Node gets the flags that GraphLoader needs. Default: true. */
  readonly flags?: boolean;
}

const loaderProcess = join(resolve(import.meta.dirname), "graph-loader-process.ts");
const esm = JSON.stringify({ type: "module" });

export class WatchedProject implements AsyncDisposable {
  readonly project: TaskProject;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #requests = 0;
  #stderr = "";

  private constructor(project: TaskProject, child: ChildProcess) {
    this.project = project;
    this.#child = child;
    child.on("message", (answer: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer.result);
      else waiting?.reject(new Error(answer.error));
    });
    child.stderr?.on("data", (chunk) => {
      this.#stderr += chunk;
    });
    child.on("exit", (code) => {
      const error = new Error(`the loader's process ended with ${code}: ${this.#stderr}`);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
    });
  }

  /** Writes the files, with a package.json unless they have one, and starts the process. */
  static async of(
    files: Readonly<Record<string, string>>,
    { importTimeoutMs = 20_000, flags = true }: WatchOptions = {},
  ): Promise<WatchedProject> {
    const project = await TaskProject.of({ "package.json": esm, ...files });
    const child = fork(
      loaderProcess,
      [JSON.stringify({ projectDir: project.dir, importTimeoutMs })],
      {
        cwd: project.dir,
        execArgv: [
          "--conditions=taskrun-source",
          ...(flags ? ["--experimental-vm-modules", "--no-compilation-cache", "--expose-gc"] : []),
        ],
        stdio: ["ignore", "inherit", "pipe", "ipc"],
        serialization: "advanced",
      },
    );
    return new WatchedProject(project, child);
  }

  path(path: string): string {
    return this.project.path(path);
  }

  load(): Promise<ShownCatalog> {
    return this.ask("load");
  }

  /** Writes the file and tells the loader. */
  async save(path: string, text: string): Promise<ShownChanges> {
    await this.project.write(path, text);
    return this.change(path);
  }

  async delete(path: string): Promise<ShownChanges> {
    await rm(this.path(path), { recursive: true });
    return this.change(path);
  }

  change(...paths: string[]): Promise<ShownChanges> {
    return this.ask(
      "change",
      paths.map((path) => this.path(path)),
    );
  }

  setLayers(layers: readonly TaskLayer[]): Promise<ShownChanges> {
    return this.ask("setLayers", layers);
  }

  run(task: string, payload: unknown = 2): Promise<unknown> {
    return this.ask("run", task, payload);
  }

  /** What tasks pushed to the global `events` since the last time. */
  events(): Promise<string[]> {
    return this.ask("events");
  }

  ask<Answer>(command: string, ...args: unknown[]): Promise<Answer> {
    this.#requests += 1;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(this.#requests, waiting);
    this.#child.send({ id: this.#requests, command, args });
    return waiting.promise as Promise<Answer>; // why: the caller knows the command
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await ended;
    }
    await rm(this.project.dir, { recursive: true, force: true });
  }
}
