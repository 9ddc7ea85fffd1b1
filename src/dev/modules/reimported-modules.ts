/**
 * The project's modules where V8's own can't be had: Node imports each changed file, and what
 * imports it, under a new URL. Owns the URLs' numbers through `ModuleHooks`.
 *
 * Node never forgets a module, so old versions stay in memory, and nothing is disposed of.
 */

import { createRequire } from "node:module";
import { ImportPatience, importModule } from "../../discovery/import-module.ts";
import { ModuleHooks } from "../../discovery/module-hooks.ts";
import type { FailedImport } from "../../discovery/placed-failure.ts";
import { FileContents } from "./file-contents.ts";
import { PackageLookup } from "./package-lookup.ts";
import { ProjectResolver } from "./project-resolver.ts";
import type { LoadedModule, ReloadedModules } from "./reloaded-modules.ts";

export class ReimportedModules implements ReloadedModules {
  readonly contents = new FileContents();
  readonly #importTimeoutMs: number;
  readonly #hooks = new ModuleHooks();
  readonly #packages = new PackageLookup();
  readonly #resolver = new ProjectResolver(this.#hooks);

  constructor({ importTimeoutMs }: { readonly importTimeoutMs: number }) {
    this.#importTimeoutMs = importTimeoutMs;
  }

  get trail(): FailedImport["hooks"] {
    return this.#hooks;
  }

  start(): void {
    this.#hooks.start();
  }

  async stop(): Promise<void> {
    this.#hooks.stop();
  }

  async import(file: string): Promise<LoadedModule> {
    this.contents.notice(file);
    // The caller's own patience ends before this one.
    const patience = new ImportPatience(this.#importTimeoutMs * 2);
    const result = await importModule(file, this.#hooks, patience);
    this.#packages.typeOf(file);
    for (const each of this.reachedFrom(file)) this.contents.notice(each);
    if (result.state === "imported") return { namespace: result.module };
    const error = result.state === "failed" ? result.error : null;
    const missing = this.#hooks.failedResolution(error);
    if (missing !== null) this.#resolver.await(missing.specifier, missing.importer);
    throw error;
  }

  abandon(file: string): void {
    this.#hooks.renew(file);
  }

  reachedBy(files: Iterable<string>): Set<string> {
    return this.#resolver.reachedBy(files);
  }

  reachedFrom(file: string): Set<string> {
    return this.#hooks.graph.dependenciesOf(file);
  }

  invalidate(changed: Iterable<string>, reached: Iterable<string>): void {
    const { cache } = createRequire(import.meta.url);
    for (const file of reached) {
      this.#hooks.renew(file);
      delete cache[file];
    }
    for (const file of changed) this.#resolver.forget(file);
  }

  invalidateAll(): void {
    this.#hooks.tsconfig.forget();
    this.#packages.forget();
    this.invalidate([], this.contents.files());
  }

  sweep(): void {}

  settingsFiles(): string[] {
    return [...this.#hooks.tsconfig.files(), ...this.#packages.files()];
  }

  importedPaths(): Iterable<string> {
    return this.#resolver.importedPaths();
  }
}
