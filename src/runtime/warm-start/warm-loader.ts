/**
 * A loader that remembers: what a start has found out about files that are as they were then is
 * taken from disk, and their code is imported when it is needed. Owns when that is right; when to
 * import what is left is `late-code`'s business.
 */

import type { Catalog, LateImport, LateTasks, TaskLoader } from "../../core/catalog.ts";
import { TaskrunError } from "../../core/errors.ts";
import type { Task } from "../../core/task.ts";
import { assembleCatalog } from "../../discovery/assemble-catalog.ts";
import {
  NativeLoader,
  type NativeLoaderOptions,
  sourcePath,
} from "../../discovery/native-loader.ts";
import type { ScopeFile, TaskFile } from "../../discovery/scan.ts";
import { payloadJsonSchema } from "../enqueueing/payload-json-schema.ts";
import { KnownStart } from "./known-start.ts";
import { lateTask } from "./late-task.ts";
import { makeManifest } from "./make-manifest.ts";
import { startConditions } from "./start-conditions.ts";
import { readManifest, writeManifest } from "./start-manifest.ts";
import { areTrueOf, type TaskFacts } from "./task-facts.ts";

export interface WarmLoaderOptions
  extends Omit<NativeLoaderOptions, "known" | "only" | "exported"> {
  /** Where the findings are kept; absolute. */
  readonly manifestFile: string;
  /** A text that is another one when the process's environment is. */
  readonly environment: string;
}

export class WarmLoader implements TaskLoader, LateTasks {
  readonly #options: WarmLoaderOptions;
  readonly #native: NativeLoader;
  readonly #conditions: string;
  readonly #facts = new Map<Task, TaskFacts>();
  readonly #imports = new Map<Task, Promise<LateImport>>();
  #known: KnownStart;
  #startedMs = 0;

  constructor(options: WarmLoaderOptions) {
    this.#options = options;
    this.#conditions = startConditions(options);
    this.#known = new KnownStart(null, this.#conditions);
    this.#native = new NativeLoader({
      ...options,
      known: (file, scopes) => this.#describe(file, scopes),
    });
  }

  get late(): LateTasks {
    return this;
  }

  async load(): Promise<Catalog> {
    this.#startedMs = Date.now();
    this.#known = new KnownStart(readManifest(this.#options.manifestFile), this.#conditions);
    return this.#native.load();
  }

  close(): Promise<void> {
    return this.#native.close();
  }

  has(task: Task): boolean {
    return this.#facts.has(task);
  }

  import(task: Task): Promise<LateImport> {
    const known = this.#imports.get(task);
    if (known !== undefined) return known;
    const importing = this.#import(task);
    this.#imports.set(task, importing);
    return importing;
  }

  watch(tasks: Iterable<Task>): () => void {
    return this.#native.watch(new Set(Array.from(tasks, ({ name }) => name)));
  }

  async saysTheSame(late: Task): Promise<boolean> {
    const said = this.#facts.get(late)?.payload?.json ?? null;
    const schema = (await this.import(late)).task?.payloadSchema ?? null;
    if (schema === null || (await payloadJsonSchema(schema)) === said) return true;
    this.#known.refute();
    return false;
  }

  revise(catalog: Catalog, late: Task, { task, failures }: LateImport): Catalog {
    const others = [...catalog.tasks.values()].filter(({ name }) => name !== late.name);
    const told = new Set(catalog.failures.map(({ file, reason }) => `${file} ${reason}`));
    return assembleCatalog(
      [
        ...others,
        ...(task === null ? [] : [task]),
        ...catalog.failures,
        ...failures.filter(({ file, reason }) => !told.has(`${file} ${reason}`)),
      ],
      (file) => sourcePath(this.#options.projectDir, file),
    );
  }

  async remember(catalog: Catalog): Promise<void> {
    if (!this.#known.outdated) return;
    const manifest = await makeManifest({
      catalog,
      conditions: this.#conditions,
      projectDir: this.#options.projectDir,
      sinceMs: this.#startedMs,
      knownFacts: (task) => this.#facts.get(task) ?? null,
      // Of what was imported now, not then: a file may import others today.
      filesBehind: (task) =>
        this.#facts.has(task) ? this.#known.filesBehind(task.file) : this.#native.filesBehind(task),
      tsconfigFiles: this.#native.tsconfigFiles(),
    });
    if (manifest !== null) writeManifest(this.#options.manifestFile, manifest);
  }

  #describe({ name, file, real }: TaskFile, scopes: readonly ScopeFile[]): Task | null {
    const sources = [real, ...scopes.map((scope) => scope.real)];
    const facts = this.#known.find(file, sources);
    if (facts === null) return null;
    const task: Task = lateTask(facts, { name, file, load: () => this.#complete(task) });
    this.#facts.set(task, facts);
    return task;
  }

  async #import(late: Task): Promise<LateImport> {
    const { task, failures } = await this.#native.import(late.name);
    const facts = this.#facts.get(late);
    const asKnown = task !== null && facts !== undefined && areTrueOf(facts, task);
    if (!asKnown) this.#known.refute();
    return { task, failures, asKnown };
  }

  async #complete(late: Task): Promise<Task> {
    const { task, failures } = await this.import(late);
    if (task !== null) return task;
    const [failure] = failures;
    throw new TaskrunError(
      "task-not-loadable",
      `The task ${late.name} can't be loaded: ${failure?.reason ?? "its file has gone"}`,
      { nextStep: failure?.fix ?? "Put the file back." },
    );
  }
}
