/**
 * What an import in a project file means, and which imports wait for a file to come.
 * Owns the waiting paths; Node's rules and ours are those of `ModuleHooks`.
 */

import { existsSync, realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ErrorNotes } from "../../core/error-notes.ts";
import { guesses, guessFile } from "../../discovery/guess-file.ts";
import {
  type FailedResolution,
  isProjectUrl,
  type ModuleHooks,
} from "../../discovery/module-hooks.ts";

export type Resolved =
  | { readonly kind: "project"; readonly file: string }
  | { readonly kind: "native"; readonly url: string };

export class ProjectResolver {
  readonly #hooks: ModuleHooks;
  readonly #failed = new ErrorNotes<FailedResolution>();
  /** By folder and specifier. */
  readonly #natives = new Map<string, Resolved>();
  readonly #waiting = new Map<string, Set<string>>();
  readonly #waitsOf = new Map<string, Set<string>>();

  constructor(hooks: ModuleHooks) {
    this.#hooks = hooks;
  }

  /** Notes the import in the graph. Throws Node's error for what can't be found. */
  resolve(specifier: string, importer: string): Resolved {
    if (isBuiltin(specifier)) return { kind: "native", url: nodeUrl(specifier) };
    const path = pathOf(specifier, importer);
    const guessed = path === null ? null : guessFile(path);
    if (guessed !== null && isProjectUrl(pathToFileURL(guessed).href)) {
      // Not by Node, which would remember it also when the file has gone.
      const file = realpathSync(guessed);
      this.#hooks.graph.add(importer, specifier, file);
      return { kind: "project", file };
    }
    const key = JSON.stringify([dirname(importer), specifier]);
    const known = this.#natives.get(key);
    if (known !== undefined) return known;
    const resolved = this.#resolveByHooks(specifier, importer);
    if (resolved.kind === "native") this.#natives.set(key, resolved);
    return resolved;
  }

  /** Aliases may mean something else from now on. */
  forgetNatives(): void {
    this.#natives.clear();
  }

  /** Each of `files`, all that imports one of them, and all that waits for one of them to come. */
  reachedBy(files: Iterable<string>): Set<string> {
    // A set that grows while it is walked.
    const reached = new Set(files);
    for (const file of reached) {
      for (const { importer } of this.#hooks.graph.importersOf(file)) reached.add(importer);
      for (const importer of this.#waiting.get(file) ?? []) reached.add(importer);
    }
    return reached;
  }

  /** Notes that `importer` waits for what `specifier` means, which Node did not find. */
  await(specifier: string, importer: string): void {
    this.#wait(importer, this.#pathsFor(specifier, importer));
  }

  /** Every path that an import leads to, also where nothing is. */
  *importedPaths(): Generator<string> {
    yield* this.#hooks.graph.imported();
    yield* this.#waiting.keys();
  }

  /** Forgets what `importer` imports and waits for: its text has changed. */
  forget(importer: string): void {
    this.#hooks.graph.forget(importer);
    for (const path of this.#waitsOf.get(importer) ?? []) {
      const importers = this.#waiting.get(path);
      importers?.delete(importer);
      if (importers?.size === 0) this.#waiting.delete(path);
    }
    this.#waitsOf.delete(importer);
  }

  /** Which import could not be resolved, when `error` came from that. */
  failedResolution(error: unknown): FailedResolution | null {
    return this.#failed.of(error) ?? this.#hooks.failedResolution(error);
  }

  #pathsFor(specifier: string, importer: string): readonly string[] {
    const path = pathOf(specifier, importer);
    return path === null ? this.#hooks.tsconfig.aliasTargets(specifier, importer) : [path];
  }

  #resolveByHooks(specifier: string, importer: string): Resolved {
    const paths = this.#pathsFor(specifier, importer);
    let url: string;
    try {
      url = this.#hooks.resolve(specifier, importer);
    } catch (error) {
      this.#wait(importer, paths);
      throw error;
    }
    if (isOwnPackage(specifier) || !isProjectUrl(url)) return { kind: "native", url };
    const file = fileURLToPath(url);
    if (existsSync(file)) return { kind: "project", file };
    // Node remembers where it found it before.
    this.#wait(importer, [...paths, file]);
    const error = Object.assign(new Error(`Cannot find module '${file}' from '${importer}'`), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    this.#failed.add(error, { specifier, importer });
    throw error;
  }

  #wait(importer: string, paths: readonly string[]): void {
    const waits = this.#waitsOf.get(importer) ?? new Set();
    this.#waitsOf.set(importer, waits);
    for (const path of paths.flatMap((each) => [each, ...guesses(each)])) {
      waits.add(path);
      const importers = this.#waiting.get(path) ?? new Set();
      this.#waiting.set(path, importers.add(importer));
    }
  }
}

/** The absolute path that the specifier writes down; null for packages and aliases. */
function pathOf(specifier: string, importer: string): string | null {
  if (!/^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(specifier)) return null;
  try {
    return fileURLToPath(new URL(specifier, pathToFileURL(importer)));
  } catch {
    return null;
  }
}

/** taskrun is loaded once, by Node, also where it is a package of the same workspace. */
function isOwnPackage(specifier: string): boolean {
  return specifier === "taskrun" || specifier.startsWith("taskrun/");
}

function nodeUrl(specifier: string): string {
  return specifier.startsWith("node:") ? specifier : `node:${specifier}`;
}
