/**
 * Makes a record of a project file: text to V8 module, not linked, not run.
 * Owns what a module finds in `import.meta`; CommonJS is run at once, by Node's own loader, since
 * its exports are known only then.
 */

import { createRequire, type ImportAttributes } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import vm, { type Module } from "node:vm";
import { type ModuleScope, moduleScopes } from "../../core/module-scope.ts";
import { importForeign } from "../../discovery/import-module.ts";
import { ModuleRecord } from "./module-record.ts";
import type { ModuleSource, ModuleSources } from "./module-sources.ts";
import { syntheticModule } from "./native-modules.ts";
import type { ProjectResolver } from "./project-resolver.ts";
import type { SourcePositions } from "./source-positions.ts";

export interface ModuleFactoryOptions {
  readonly sources: ModuleSources;
  readonly resolver: ProjectResolver;
  readonly positions: SourcePositions;
  /** What `import(specifier)` in a module gives. */
  readonly importDynamically: (
    specifier: string,
    importer: ModuleRecord,
    attributes: ImportAttributes,
  ) => Promise<object>;
}

export class ModuleFactory {
  readonly #options: ModuleFactoryOptions;
  #revision = 0;

  constructor(options: ModuleFactoryOptions) {
    this.#options = options;
  }

  /** Throws what reading, parsing and, for CommonJS, running the file throws. */
  async create(file: string): Promise<ModuleRecord> {
    const source = await this.#options.sources.read(file);
    switch (source.format) {
      case "json":
        return record(source, jsonModule(source));
      case "commonjs":
        return commonJsRecord(source);
      case "native":
        return record(source, syntheticModule(await importForeign(urlOf(file)), urlOf(file)));
      default:
        return this.#createModule(source);
    }
  }

  async #createModule(source: ModuleSource): Promise<ModuleRecord> {
    try {
      return this.#compile(source);
    } catch (error) {
      // V8 refuses some syntax that esbuild takes: decorators in places that are hard to spot.
      const typescript = /ts$/.test(source.file) && !source.transformed;
      if (!typescript || !(error instanceof SyntaxError)) throw error;
      return this.#compile(await this.#options.sources.transform(source));
    }
  }

  #compile(source: ModuleSource): ModuleRecord {
    const { positions, importDynamically } = this.#options;
    // Positions are mapped by URL, and an older version may still run.
    const url = urlOf(source.file) + (source.transformed ? `?taskrun=${this.#nextRevision()}` : "");
    const made: { record: ModuleRecord | null } = { record: null };
    const module = new vm.SourceTextModule(source.code, {
      identifier: url,
      initializeImportMeta: (meta) => this.#describe(meta, source.file),
      importModuleDynamically: async (specifier, _module, attributes) => {
        if (made.record === null) throw new Error(`${url} was not linked`);
        // why: Node takes a namespace too, which its types leave out
        return (await importDynamically(specifier, made.record, attributes)) as Module;
      },
    });
    if (source.transformed) positions.add(url, source.code);
    made.record = record(source, module, url);
    return made.record;
  }

  #describe(meta: ImportMeta, file: string): void {
    const { resolver } = this.#options;
    meta.dirname = dirname(file);
    meta.filename = file;
    meta.main = false;
    meta.resolve = (specifier) => {
      const resolved = resolver.resolve(specifier, file);
      return resolved.kind === "native" ? resolved.url : urlOf(resolved.file);
    };
    meta.url = urlOf(file);
  }

  #nextRevision(): number {
    this.#revision += 1;
    return this.#revision;
  }
}

function record({ file, text }: ModuleSource, module: Module, url = urlOf(file)): ModuleRecord {
  return new ModuleRecord({ file, url, source: text, module });
}

function jsonModule({ file, text }: ModuleSource): Module {
  try {
    return syntheticModule({ default: JSON.parse(text) }, urlOf(file));
  } catch (error) {
    // As Node says it.
    const message = error instanceof Error ? error.message : String(error);
    throw new SyntaxError(`${file}: ${message}`);
  }
}

function commonJsRecord(source: ModuleSource): ModuleRecord {
  const { file } = source;
  const early: (() => unknown)[] = [];
  const scope: ModuleScope = { onDispose: (dispose) => early.push(dispose) };
  // A fresh one each time: it holds every module that it was ever asked for.
  const require = createRequire(import.meta.url);
  const exports: unknown = moduleScopes().run(scope, () => require(file));
  const isObject =
    (typeof exports === "object" && exports !== null) || typeof exports === "function";
  const named = isObject ? { ...exports } : {};
  const values = { ...named, default: exports, "module.exports": exports };
  const made = record(source, syntheticModule(values, urlOf(file)));
  for (const dispose of early) made.onDispose(dispose);
  return made;
}

function urlOf(file: string): string {
  return pathToFileURL(file).href;
}
