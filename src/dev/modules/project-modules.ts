/**
 * The project's modules as watch mode sees them: imports by path, what a change reaches, and
 * which old versions can go. A table of contents; each line's how is in the file it names.
 */

import { createRequire, type ImportAttributes } from "node:module";
import { importForeign } from "../../discovery/import-module.ts";
import { ModuleHooks } from "../../discovery/module-hooks.ts";
import type { FailedImport } from "../../discovery/placed-failure.ts";
import { evaluateRecords } from "./evaluate-records.ts";
import { FileContents } from "./file-contents.ts";
import { ModuleFactory } from "./module-factory.ts";
import { checkAttributes, ModuleLinker } from "./module-linker.ts";
import { type ModuleRecord, withImports } from "./module-record.ts";
import { ModuleSources } from "./module-sources.ts";
import { NativeModules } from "./native-modules.ts";
import { PackageLookup } from "./package-lookup.ts";
import { ProjectResolver } from "./project-resolver.ts";
import type { ReloadedModules } from "./reloaded-modules.ts";
import { SourcePositions } from "./source-positions.ts";

export interface ProjectModulesOptions {
  readonly importTimeoutMs: number;
  /** Hears of what a module's `onDispose` throws. */
  readonly onDisposeError: (error: unknown, source: string) => void;
}

export class ProjectModules implements ReloadedModules {
  readonly contents = new FileContents();
  readonly #options: ProjectModulesOptions;
  readonly #hooks = new ModuleHooks();
  readonly #packages = new PackageLookup();
  readonly #natives = new NativeModules();
  readonly #positions = new SourcePositions();
  readonly #resolver = new ProjectResolver(this.#hooks);
  readonly #sources = new ModuleSources({
    contents: this.contents,
    packages: this.#packages,
    tsconfig: this.#hooks.tsconfig,
  });
  readonly #linker: ModuleLinker;
  /** Every record that was not disposed of. */
  readonly #alive = new Set<ModuleRecord>();
  readonly #running = new Set<ModuleRecord>();

  constructor(options: ProjectModulesOptions) {
    this.#options = options;
    this.#linker = new ModuleLinker({
      factory: new ModuleFactory({
        sources: this.#sources,
        resolver: this.#resolver,
        positions: this.#positions,
        importDynamically: (...request) => this.#importDynamically(...request),
      }),
      resolver: this.#resolver,
      sources: this.#sources,
      natives: this.#natives,
      turnMs: options.importTimeoutMs,
      onCurrent: (record) => this.#alive.add(record),
      onDiscarded: (record) => this.#dispose(record),
    });
  }

  get trail(): FailedImport["hooks"] {
    return {
      graph: this.#hooks.graph,
      failedResolution: (error) => this.#resolver.failedResolution(error),
      failedTransform: (error) =>
        this.#sources.failedTransform(error) ?? this.#hooks.failedTransform(error),
    };
  }

  start(): void {
    this.#hooks.start();
  }

  /** Disposes of every module, newest first. */
  async stop(): Promise<void> {
    await Promise.all([...this.#alive].reverse().map((record) => this.#dispose(record)));
    this.#alive.clear();
    this.#linker.current.clear();
    this.#positions.stop();
    this.#hooks.stop();
  }

  async import(file: string): Promise<ModuleRecord> {
    const record = await this.#linker.prepare(file, (each) => this.#running.add(each));
    try {
      await this.#evaluate(record);
      return record;
    } finally {
      this.#running.delete(record);
      this.#noticeCommonJs(file);
    }
  }

  abandon(file: string): void {
    const record = this.#linker.current.get(file);
    if (record !== undefined) this.#dropUnfinished(record, ["new", "running", "failed"]);
  }

  reachedBy(files: Iterable<string>): Set<string> {
    return this.#resolver.reachedBy(files);
  }

  reachedFrom(file: string): Set<string> {
    return this.#hooks.graph.dependenciesOf(file);
  }

  invalidate(changed: Iterable<string>, reached: Iterable<string>): void {
    const { cache } = createRequire(import.meta.url);
    for (const file of changed) {
      // What CommonJS imports with `import()` is loaded by Node, which knows it by its URL.
      this.#hooks.renew(file);
      this.#resolver.forget(file);
    }
    for (const file of reached) {
      this.#linker.current.delete(file);
      delete cache[file];
    }
  }

  invalidateAll(): void {
    this.#hooks.tsconfig.forget();
    this.#packages.forget();
    this.#sources.forgetAll();
    this.#resolver.forgetNatives();
    this.invalidate([], this.contents.files());
  }

  sweep(roots: Iterable<ModuleRecord>): void {
    const used = withImports([...roots, ...this.#running]);
    for (const record of this.#alive) {
      if (used.has(record)) continue;
      this.#alive.delete(record);
      if (this.#linker.current.get(record.file) === record) {
        this.#linker.current.delete(record.file);
      }
      void this.#dispose(record);
    }
  }

  settingsFiles(): string[] {
    return [...this.#hooks.tsconfig.files(), ...this.#packages.files()];
  }

  importedPaths(): Iterable<string> {
    return this.#resolver.importedPaths();
  }

  async #importDynamically(
    specifier: string,
    importer: ModuleRecord,
    attributes: ImportAttributes,
  ): Promise<object> {
    const resolved = this.#resolver.resolve(specifier, importer.file);
    if (resolved.kind === "native") return importForeign(resolved.url, attributes);
    checkAttributes(resolved.file, attributes);
    const record = await this.#linker.prepare(resolved.file, (each) => importer.imports.add(each));
    await this.#evaluate(record);
    return record.namespace;
  }

  async #evaluate(record: ModuleRecord): Promise<void> {
    try {
      await evaluateRecords(record, this.#options.importTimeoutMs);
    } catch (error) {
      // A sibling that still runs may come to a good end, and is shared with others.
      this.#dropUnfinished(record, ["new", "failed"]);
      throw error;
    }
  }

  #dropUnfinished(root: ModuleRecord, states: readonly ModuleRecord["state"][]): void {
    const { current } = this.#linker;
    for (const record of withImports([root])) {
      if (states.includes(record.state) && current.get(record.file) === record) {
        current.delete(record.file);
      }
    }
  }

  /** Files that only Node's own loader has read. */
  #noticeCommonJs(file: string): void {
    for (const each of this.reachedFrom(file)) this.contents.notice(each);
  }

  #dispose(record: ModuleRecord): Promise<void> {
    this.#positions.forget(record.url);
    return record.dispose(this.#options.onDisposeError);
  }
}
