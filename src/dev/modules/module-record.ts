/**
 * One version of one module file: its text, its V8 module, the records it imports.
 * Owns what the module has asked to be called when it goes; refuses to decide when that is.
 */

import type { Module } from "node:vm";
import type { ModuleScope } from "../../core/module-scope.ts";
import type { LoadedModule } from "./reloaded-modules.ts";

/**
 *   new → running → ready | failed
 *
 * A module without top-level await goes to its end at once.
 */
export type ModuleState = "new" | "running" | "ready" | "failed";

export class ModuleRecord implements ModuleScope, LoadedModule {
  /** Absolute real path. */
  readonly file: string;
  /** As V8 knows it; differs from the file's URL where positions have to be mapped. */
  readonly url: string;
  readonly source: string;
  readonly module: Module;
  /** Static and, as they come, dynamic imports of project files. */
  readonly imports = new Set<ModuleRecord>();
  /** By what `importKey` says of an import. */
  readonly links = new Map<string, Module>();
  state: ModuleState = "new";
  /** Settles when the module has run; null before it starts. */
  evaluation: Promise<unknown> | null = null;
  readonly #disposers: (() => unknown)[] = [];
  #onDisposeError: ((error: unknown, file: string) => void) | null = null;

  constructor(parts: Pick<ModuleRecord, "file" | "url" | "source" | "module">) {
    this.file = parts.file;
    this.url = parts.url;
    this.source = parts.source;
    this.module = parts.module;
  }

  get namespace(): object {
    return this.module.namespace;
  }

  onDispose(dispose: () => unknown): void {
    this.#disposers.push(dispose);
    // A top-level await may end after the version has gone.
    if (this.#onDisposeError !== null) void this.dispose(this.#onDisposeError);
  }

  /** Calls what the module registered, the last first; each once. Never rejects. */
  async dispose(onError: (error: unknown, file: string) => void): Promise<void> {
    this.#onDisposeError = onError;
    for (const dispose of this.#disposers.splice(0).reverse()) {
      try {
        await dispose();
      } catch (error) {
        onError(error, this.file);
      }
    }
  }
}

/** `record` and every record that it imports, at any distance. */
export function withImports(records: Iterable<ModuleRecord>): Set<ModuleRecord> {
  // A set that grows while it is walked: each record's imports are appended once.
  const seen = new Set(records);
  for (const record of seen) for (const imported of record.imports) seen.add(imported);
  return seen;
}
