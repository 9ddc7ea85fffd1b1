/**
 * A plain Node process with a GraphLoader, or with its stand-in where Node has no flags, told
 * what to do over IPC: a test runner's own processes can't be given the flags that the loader
 * needs, and they replace `import()` anyway.
 */

import { writeFileSync } from "node:fs";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { getHeapSpaceStatistics } from "node:v8";
import type { ChangeSet } from "../../src/core/catalog.ts";
import type { TaskLayer } from "../../src/core/resolve-task.ts";
import type { Task } from "../../src/core/task.ts";
import { GraphLoader } from "../../src/dev/graph-loader.ts";
import { NativeReloadLoader } from "../../src/dev/native-reload-loader.ts";
import * as host from "../../src/index.ts";

type Arguments = readonly never[];

const { projectDir, importTimeoutMs } = JSON.parse(process.argv[2] ?? "{}");
const disposeErrors: string[] = [];
const Loader = GraphLoader.isAvailable() ? GraphLoader : NativeReloadLoader;
const loader = new Loader({
  projectDir,
  tasksDir: `${projectDir}/tasks`,
  importTimeoutMs,
  layers: [],
  onDisposeError: (error, source) => disposeErrors.push(`${source}: ${String(error)}`),
});
let tasks: ReadonlyMap<string, Task> = new Map();
const held = new Map<string, Task>();
const marked = new Map<string, Task>();
let collected = 0;
const registry = new FinalizationRegistry<undefined>(() => {
  collected += 1;
});

// What a test may look at from inside a task.
Object.assign(globalThis, { host, events: [] as string[] });
const events: string[] = Reflect.get(globalThis, "events");

const commands: Readonly<Record<string, (...args: Arguments) => unknown>> = {
  async load() {
    const catalog = await loader.load();
    tasks = catalog.tasks;
    return { tasks: [...tasks.values()].map(shown), failures: catalog.failures };
  },
  async change(paths: readonly string[]) {
    return shownChanges(await loader.change(paths));
  },
  /** Empties the file, tells the loader, and writes the text once that has seen it empty. */
  async saveInTwoSteps(path: string, text: string) {
    writeFileSync(path, "");
    const changing = loader.change([path]);
    await nextTurn();
    writeFileSync(path, text);
    return shownChanges(await changing);
  },
  async setLayers(layers: readonly TaskLayer[]) {
    return shownChanges(await loader.setLayers(layers));
  },
  /** Runs the current version of a task inside its middleware. */
  run: (name: string, payload: unknown) => runTask(tasks.get(name), payload),
  /** Keeps the current version in use under a name of the test's. */
  acquire(name: string, as: string) {
    const task = tasks.get(name);
    if (task === undefined) throw new Error(`no task ${name}`);
    loader.acquire(task);
    held.set(as, task);
  },
  runHeld: (as: string, payload: unknown) => runTask(held.get(as), payload),
  release(as: string) {
    const task = held.get(as);
    if (task === undefined) throw new Error(`nothing held as ${as}`);
    held.delete(as);
    loader.release(task);
  },
  /** Remembers the Task objects, for `same`. */
  mark(name: string) {
    const task = tasks.get(name);
    if (task !== undefined) marked.set(name, task);
  },
  same: (name: string) => tasks.get(name) === marked.get(name),
  events: () => events.splice(0),
  disposeErrors: () => disposeErrors,
  watchedFiles: () => loader.watchedFiles(),
  close: () => loader.close(),
  /** Waits until a module calls the global `started`. */
  whenStarted: () =>
    new Promise<void>((resolve) => Object.assign(globalThis, { started: () => resolve() })),
  /** Counts, from now on, each current handler that is freed. */
  watchHandler(name: string) {
    const task = tasks.get(name);
    if (task !== undefined) registry.register(task.handler, undefined);
  },
  async collect() {
    for (let round = 0; round < 4; round += 1) {
      globalThis.gc?.();
      await delay(5);
    }
    const { heapUsed, rss } = process.memoryUsage();
    // What V8 has compiled grows for thousands of rounds and is nothing that the loader keeps.
    const compiled = getHeapSpaceStatistics()
      .filter(({ space_name: name }) => /^(?:code|trusted)_/.test(name))
      .reduce((total, { space_used_size: size }) => total + size, 0);
    return { collected, objects: heapUsed - compiled, rss };
  },
};

function shown(task: Task): object {
  return JSON.parse(JSON.stringify({ ...task, middleware: task.middleware.length }));
}

function shownChanges(changes: ChangeSet): object {
  tasks = changes.catalog.tasks;
  const names = (list: readonly Task[]) => list.map(({ name, version }) => `${name}@${version}`);
  return {
    added: names(changes.added),
    reloaded: names(changes.reloaded),
    removed: names(changes.removed),
    failures: changes.failures,
    all: names([...tasks.values()]),
    allFailures: changes.catalog.failures,
    files: changes.files,
    durationMs: changes.durationMs,
  };
}

async function runTask(task: Task | undefined, payload: unknown): Promise<unknown> {
  if (task === undefined) return "no such task";
  const ctx = {} as Parameters<Task["handler"]>[1]; // why: these handlers don't look at it
  const run = task.middleware.reduceRight<() => Promise<unknown>>(
    (next, middleware) => () => middleware(ctx, next),
    async () => task.handler(payload, ctx),
  );
  try {
    return await run();
  } catch (error) {
    return `threw ${error instanceof Error ? error.stack : String(error)}`;
  }
}

interface Request {
  readonly id: number;
  readonly command: string;
  readonly args: Arguments;
}

process.on("message", async ({ id, command, args }: Request) => {
  try {
    const result = (await commands[command]?.(...args)) ?? null;
    process.send?.({ id, result });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
  }
});
