/**
 * What the nearest tsconfig.json says to a file: path aliases and how to transform it.
 * Owns the cache of one loader; refuses to fail: a broken tsconfig says nothing.
 */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve, sep } from "node:path";
import type { PathsMatcher, TsConfigJsonResolved } from "get-tsconfig";

export type CompilerOptions = NonNullable<TsConfigJsonResolved["compilerOptions"]>;

export class TsconfigLookup {
  readonly #configFiles = new Map<string, string | null>();
  readonly #matchers = new Map<string, PathsMatcher | null>();
  readonly #options = new Map<string, CompilerOptions>();

  /** The absolute paths, without endings, that `specifier` may mean in `file`: best first. */
  aliasTargets(specifier: string, file: string): readonly string[] {
    const configFile = this.#configFileFor(dirname(file));
    if (configFile === null) return [];
    let matcher = this.#matchers.get(configFile);
    if (matcher === undefined) {
      matcher = readMatcher(configFile);
      this.#matchers.set(configFile, matcher);
    }
    return matcher?.(specifier) ?? [];
  }

  /** The options for the file; empty when there are none. */
  compilerOptions(file: string): CompilerOptions {
    const configFile = this.#configFileFor(dirname(file));
    if (configFile === null) return {};
    let options = this.#options.get(configFile);
    if (options === undefined) {
      options = parse(configFile)?.compilerOptions ?? {};
      this.#options.set(configFile, options);
    }
    return options;
  }

  /** Every tsconfig.json that was asked, with the files it extends by a path. */
  files(): string[] {
    const found = new Set(this.#configFiles.values());
    found.delete(null);
    // A set that grows while it is walked: a base may have a base.
    for (const file of found) for (const base of basesOf(file)) found.add(base);
    return [...found].filter((file) => file !== null);
  }

  /** Reads everything anew from now on. */
  forget(): void {
    for (const known of [this.#configFiles, this.#matchers, this.#options]) known.clear();
  }

  #configFileFor(folder: string): string | null {
    const known = this.#configFiles.get(folder);
    if (known !== undefined) return known;
    const here = join(folder, "tsconfig.json");
    const above = dirname(folder);
    const top = above === folder || folder.endsWith(`${sep}node_modules`);
    const found = existsSync(here) ? here : top ? null : this.#configFileFor(above);
    this.#configFiles.set(folder, found);
    return found;
  }
}

function basesOf(file: string | null): string[] {
  const text = file === null ? null : readText(file);
  const bases = /"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")/.exec(text ?? "")?.[1] ?? "";
  return [...bases.matchAll(/"(\.[^"]*)"/g)].map(([, base = ""]) => {
    const path = resolve(dirname(file ?? ""), base);
    return path.endsWith(".json") ? path : `${path}.json`;
  });
}

function readMatcher(configFile: string): PathsMatcher | null {
  if (!mayHaveAliases(configFile)) return null;
  const config = parse(configFile);
  if (config === null) return null;
  try {
    return tsconfigReader().createPathsMatcher({ path: configFile, config });
  } catch {
    return null;
  }
}

/** Spares most projects the reader: aliases need one of these words in the file itself. */
function mayHaveAliases(configFile: string): boolean {
  return /"(?:paths|baseUrl|extends)"/.test(readText(configFile) ?? "");
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function parse(configFile: string): TsConfigJsonResolved | null {
  try {
    return tsconfigReader().parseTsconfig(configFile);
  } catch {
    return null;
  }
}

function tsconfigReader(): typeof import("get-tsconfig") {
  // Node's resolve hooks are synchronous, and most projects never need this package.
  return createRequire(import.meta.url)("get-tsconfig");
}
