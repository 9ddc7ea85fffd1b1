/**
 * The queue of rounds, with real files and a loader in whose rounds the tests can look. What
 * the rounds do to jobs is in test/cli/commands/run-watch.test.ts.
 */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { Catalog, ChangeSet } from "../../src/core/catalog.ts";
import type { TaskLayer } from "../../src/core/resolve-task.ts";
import { Reloader, type ReloadingLoader } from "../../src/dev/reload.ts";
import { TaskProject } from "../support/task-project.ts";

const nothing: Catalog = { tasks: new Map(), failures: [] };

class RecordingLoader implements ReloadingLoader {
  readonly rounds: string[][] = [];
  readonly layers: (readonly TaskLayer[])[] = [];
  files: string[] = [];
  atOnce = 0;
  mostAtOnce = 0;
  /** Called in each round; a round lasts as long as its promise. */
  onRound: () => Promise<void> | void = () => {};

  async load(): Promise<Catalog> {
    return nothing;
  }

  async change(paths: readonly string[]): Promise<ChangeSet> {
    this.rounds.push([...paths]);
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    try {
      await this.onRound();
    } finally {
      this.atOnce -= 1;
    }
    return changeSet();
  }

  async setLayers(layers: readonly TaskLayer[]): Promise<ChangeSet> {
    this.layers.push(layers);
    return changeSet();
  }

  supersede(): void {}

  watchedFiles(): readonly string[] {
    return this.files;
  }

  async close(): Promise<void> {}
}

function changeSet(): ChangeSet {
  const none = { files: [], added: [], reloaded: [], removed: [], failures: [], durationMs: 0 };
  return { catalog: nothing, ...none };
}

let project: TaskProject;
let loader: RecordingLoader;
let reloader: Reloader;
let published: Catalog[];
let troubles: unknown[];
let layersOf: (paths: readonly string[]) => readonly TaskLayer[] | null;

beforeEach(async () => {
  project = await TaskProject.of({ "tasks/a.ts": "1", "lib/shared.ts": "1" });
  loader = new RecordingLoader();
  published = [];
  troubles = [];
  layersOf = () => null;
  reloader = new Reloader({
    loader,
    runtime: { catalog: nothing, publish: (catalog) => published.push(catalog) },
    projectDir: project.dir,
    tasksDir: project.path("tasks"),
    ignored: [],
    onFiles: async (paths) => ({ layers: layersOf(paths), watch: [] }),
    report: { changed() {}, faults() {}, trouble: (error) => troubles.push(error) },
  });
  await reloader.watch();
});

afterEach(async () => {
  await reloader.stop();
  await project[Symbol.asyncDispose]();
});

/**
 * Resolves at the next round whose files include `path`; that round lasts until `mayEnd`. Rounds
 * for other files, such as the watcher's first looks at the folders, pass by.
 */
function roundWith(path: string, mayEnd?: Promise<void>): Promise<void> {
  const full = project.path(path);
  return new Promise((resolve) => {
    const before = loader.onRound;
    loader.onRound = () => {
      if (loader.rounds.at(-1)?.includes(full) !== true) return before();
      loader.onRound = before;
      resolve();
      return mayEnd ?? before();
    };
  });
}

test("what changes before the start is the first round", async () => {
  const first = roundWith("tasks/a.ts");
  await project.write("tasks/a.ts", "2");
  reloader.start([]);
  await first;
  expect(loader.rounds.flat()).toContain(project.path("tasks/a.ts"));
});

test("there is one round at a time; what comes meanwhile is in a later one", async () => {
  reloader.start([]);
  const mayEnd = Promise.withResolvers<void>();
  const first = roundWith("tasks/a.ts", mayEnd.promise);
  await project.write("tasks/a.ts", "2");
  await first;
  const later = ["tasks/b.ts", "tasks/c.ts"].map((path) => roundWith(path));
  await project.write("tasks/b.ts", "1");
  await project.write("tasks/c.ts", "1");
  const rounds = loader.rounds.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(loader.rounds).toHaveLength(rounds);
  mayEnd.resolve();
  await Promise.all(later);
  expect(loader.mostAtOnce).toBe(1);
});

test("a round that fails is told, and the next one goes on", async () => {
  reloader.start([]);
  loader.onRound = () => {
    loader.onRound = () => {};
    throw new Error("a fault of the loader");
  };
  await project.write("tasks/a.ts", "2");
  while (troubles.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const next = roundWith("tasks/a.ts");
  await project.write("tasks/a.ts", "3");
  await next;
  expect(troubles).toEqual([expect.objectContaining({ message: "a fault of the loader" })]);
});

test("a file that the loader has used is watched, wherever it is", async () => {
  reloader.start([]);
  loader.files = [project.path("lib/shared.ts")];
  const first = roundWith("tasks/a.ts");
  await project.write("tasks/a.ts", "2");
  await first;
  while (published.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const shared = roundWith("lib/shared.ts");
  await project.write("lib/shared.ts", "2");
  await shared;
});

test("what applies to all tasks is replaced before the round's files", async () => {
  const layers = [{ source: "worker.config.ts", defaults: {}, middleware: [] }];
  layersOf = (paths) => (paths.includes(project.path(".env")) ? layers : null);
  reloader.start([]);
  const round = roundWith(".env");
  await project.write(".env", "A=1");
  await round;
  expect(loader.layers).toEqual([layers]);
});

test("a stop waits for the round under way and begins no other", async () => {
  reloader.start([]);
  const mayEnd = Promise.withResolvers<void>();
  const first = roundWith("tasks/a.ts", mayEnd.promise);
  await project.write("tasks/a.ts", "2");
  await first;
  let stopped = false;
  const stop = reloader.stop().then(() => {
    stopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(stopped).toBe(false);
  const rounds = loader.rounds.length;
  mayEnd.resolve();
  await stop;
  expect(loader.rounds).toHaveLength(rounds);
});
