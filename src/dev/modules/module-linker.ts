/**
 * The current version of every project module: makes and links what an entry imports and isn't
 * there yet. Owns the map of current records; refuses to run modules or to know tasks.
 *
 * One entry at a time: V8 can't link two graphs that share new modules.
 */

import type { ImportAttributes } from "node:module";
import { pathToFileURL } from "node:url";
import vm, { type ModuleLinker as Link, type Module } from "node:vm";
import { findImportedName, findSpecifier } from "../../discovery/source-location.ts";
import type { ModuleFactory } from "./module-factory.ts";
import { ModuleRecord, withImports } from "./module-record.ts";
import type { ModuleSources } from "./module-sources.ts";
import type { NativeModules } from "./native-modules.ts";
import type { ProjectResolver } from "./project-resolver.ts";

export interface ModuleLinkerOptions {
  readonly factory: ModuleFactory;
  readonly resolver: ProjectResolver;
  readonly sources: ModuleSources;
  readonly natives: NativeModules;
  /** A record that is linked and in the map now. */
  readonly onCurrent: (record: ModuleRecord) => void;
  /** A record that will never be. */
  readonly onDiscarded: (record: ModuleRecord) => void;
  /** How long one entry may keep the others waiting. */
  readonly turnMs: number;
}

/** One cure per file; more rounds than an entry has modules would be a loop. */
const maxRounds = 100;

export class ModuleLinker {
  /** What new importers are linked to, by real path. */
  readonly current = new Map<string, ModuleRecord>();
  readonly #options: ModuleLinkerOptions;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ModuleLinkerOptions) {
    this.#options = options;
  }

  /**
   * The current record of `file`, linked. `adopt` is called in the moment it becomes current.
   * Rejects with what reading, resolving, parsing or linking throws.
   */
  prepare(file: string, adopt: (record: ModuleRecord) => void): Promise<ModuleRecord> {
    const turn = this.#turn.then(async () => {
      const record = this.current.get(file) ?? (await this.#prepareCured(file));
      adopt(record);
      return record;
    });
    this.#turn = endWithin(turn, this.#options.turnMs);
    return turn;
  }

  async #prepareCured(file: string): Promise<ModuleRecord> {
    for (let round = 1; ; round += 1) {
      const created = new Map<string, Promise<ModuleRecord>>();
      try {
        const root = await this.#create(file, created);
        await this.#link(root);
        for (const record of await Promise.all(created.values())) {
          this.current.set(record.file, record);
          this.#options.onCurrent(record);
        }
        return root;
      } catch (error) {
        const records = await fulfilled(created.values());
        for (const record of records) this.#options.onDiscarded(record);
        const importer = importerOfMissing(error, records);
        const source = importer === null ? null : this.#options.sources.current(importer.file);
        const curable = source !== null && /ts$/.test(source.file) && !source.transformed;
        if (!curable || round === maxRounds) throw error;
        // Types imported without `type`: esbuild leaves out what isn't used as a value.
        await this.#options.sources.transform(source);
      }
    }
  }

  /** Makes a record and all that it imports; each file once. */
  #create(file: string, created: Map<string, Promise<ModuleRecord>>): Promise<ModuleRecord> {
    const known = created.get(file);
    if (known !== undefined) return known;
    const creating = this.#options.factory.create(file);
    created.set(file, creating);
    return creating.then(async (record) => {
      await this.#createImports(record, created);
      return record;
    });
  }

  async #createImports(
    record: ModuleRecord,
    created: Map<string, Promise<ModuleRecord>>,
  ): Promise<void> {
    if (!(record.module instanceof vm.SourceTextModule)) return;
    const faults: unknown[] = [];
    const targets = record.module.moduleRequests.flatMap(({ specifier, attributes }) => {
      try {
        const resolved = this.#options.resolver.resolve(specifier, record.file);
        if (resolved.kind === "project") checkAttributes(resolved.file, attributes);
        return [{ key: importKey(specifier, attributes), resolved, attributes }];
      } catch (error) {
        // The others are resolved all the same: the graph has to know them.
        faults.push(error);
        return [];
      }
    });
    if (faults.length > 0) throw faults[0];
    const { natives } = this.#options;
    const imports = targets.map(({ resolved, attributes }) =>
      resolved.kind === "native"
        ? (natives.known(resolved.url) ?? natives.module(resolved.url, attributes))
        : // What is being made already is not waited for to its end: so rings end.
          (this.current.get(resolved.file) ??
          created.get(resolved.file) ??
          this.#create(resolved.file, created)),
    );
    // In the order in which they are written, which is that in which they run.
    for (const [index, imported] of (await Promise.all(imports)).entries()) {
      const isRecord = imported instanceof ModuleRecord;
      if (isRecord) record.imports.add(imported);
      record.links.set(targets[index]?.key ?? "", isRecord ? imported.module : imported);
    }
  }

  async #link(root: ModuleRecord): Promise<void> {
    if (root.module.status !== "unlinked") return;
    const byModule = new Map<Module, ModuleRecord>();
    for (const record of withImports([root])) byModule.set(record.module, record);
    const link: Link = (specifier, importer, { attributes }) => {
      const target = byModule.get(importer)?.links.get(importKey(specifier, attributes));
      if (target === undefined) throw new Error(`${importer.identifier} lost ${specifier}`);
      return target;
    };
    await root.module.link(link);
  }
}

/**
 * Who imports a name that isn't exported. V8 doesn't say; its error gets the heading that Node
 * gives to errors of modules that it loads itself.
 */
function importerOfMissing(error: unknown, records: readonly ModuleRecord[]): ModuleRecord | null {
  if (!(error instanceof SyntaxError)) return null;
  const missing = /requested module '(.+?)' does not provide an export named '(.+?)'/.exec(
    error.message,
  );
  if (missing === null) return null;
  const [, specifier = "", name = ""] = missing;
  const importers = records.filter(({ source }) => findSpecifier(source, specifier) !== null);
  const importer =
    importers.find(({ source }) => namesIt(source, specifier, name)) ?? importers[0] ?? null;
  if (importer === null) return null;
  const place = findImportedName(importer.source, specifier, name);
  error.stack = `${importer.url}:${place?.line ?? 1}\n\n${error.stack}`;
  return importer;
}

function namesIt(source: string, specifier: string, name: string): boolean {
  const [named, whole] = [
    findImportedName(source, specifier, name),
    findSpecifier(source, specifier),
  ];
  return named?.line !== whole?.line || named?.column !== whole?.column;
}

function importKey(specifier: string, attributes: ImportAttributes): string {
  return JSON.stringify([specifier, attributes]);
}

/** As Node does: JSON must be imported as such. */
export function checkAttributes(file: string, attributes: ImportAttributes): void {
  if (!file.endsWith(".json") || attributes.type === "json") return;
  throw Object.assign(
    new TypeError(`Module "${pathToFileURL(file)}" needs an import attribute of "type: json"`),
    { code: "ERR_IMPORT_ATTRIBUTE_MISSING" },
  );
}

async function fulfilled<Value>(promises: Iterable<Promise<Value>>): Promise<Value[]> {
  const settled = await Promise.allSettled(promises);
  return settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}

/** Resolves when `work` has settled, or after `limitMs`: a package may never end to load. */
async function endWithin(work: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([work.catch(() => undefined), promise]);
  clearTimeout(timer);
}
