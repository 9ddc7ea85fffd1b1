/**
 * The code that V8 gets for a project file: types stripped where that does, else through esbuild.
 * Owns the code of each file's current text, so that an unchanged file is not made again.
 */

import { stripTypeScriptTypes } from "node:module";
import { ErrorNotes } from "../../core/error-notes.ts";
import { isJsx, looksUnstrippable, transformSource } from "../../discovery/transform-source.ts";
import type { TsconfigLookup } from "../../discovery/tsconfig-lookup.ts";
import type { FileContents } from "./file-contents.ts";
import { type ModuleFormat, moduleFormat } from "./module-format.ts";
import type { PackageLookup } from "./package-lookup.ts";

export interface ModuleSource {
  readonly file: string;
  readonly text: string;
  readonly format: ModuleFormat;
  /** What V8 compiles; the text itself for JSON and CommonJS. */
  readonly code: string;
  /** Whether esbuild made it, so that positions have to be mapped. */
  readonly transformed: boolean;
}

export interface ModuleSourcesOptions {
  readonly contents: FileContents;
  readonly packages: PackageLookup;
  readonly tsconfig: TsconfigLookup;
}

export class ModuleSources {
  readonly #options: ModuleSourcesOptions;
  readonly #made = new Map<string, ModuleSource>();
  readonly #failedTransforms = new ErrorNotes<string>();

  constructor(options: ModuleSourcesOptions) {
    this.#options = options;
  }

  /** Throws what reading throws, and esbuild's error for a text with faults. */
  read(file: string): ModuleSource | Promise<ModuleSource> {
    const text = this.#options.contents.read(file);
    const made = this.#made.get(file);
    if (made !== undefined && made.text === text) return made;
    const format = moduleFormat(file, text, this.#options.packages.typeOf(file));
    const plain: ModuleSource = { file, text, format, code: text, transformed: false };
    if (format !== "module" || !/\.(?:[cm]?ts|[jt]sx)$/.test(file)) return this.#keep(plain);
    const code = isJsx(file) || looksUnstrippable(text) ? null : strip(text);
    return code === null ? this.transform(plain) : this.#keep({ ...plain, code });
  }

  /** Makes the code by esbuild, also for the next times until the text changes. */
  async transform(source: ModuleSource): Promise<ModuleSource> {
    const { file, text } = source;
    const options = this.#options.tsconfig.compilerOptions(file);
    try {
      const code = await transformSource(text, file, options);
      return this.#keep({ ...source, code, transformed: true });
    } catch (error) {
      this.#failedTransforms.add(error, file);
      throw error;
    }
  }

  /** The last that `read` or `transform` returned. */
  current(file: string): ModuleSource | null {
    return this.#made.get(file) ?? null;
  }

  /** Which file esbuild refused, when `error` came from that. */
  failedTransform(error: unknown): string | null {
    return this.#failedTransforms.of(error);
  }

  forget(file: string): void {
    this.#made.delete(file);
  }

  /** Everything is made anew: what it is made with has changed. */
  forgetAll(): void {
    this.#made.clear();
  }

  #keep(source: ModuleSource): ModuleSource {
    this.#made.set(source.file, source);
    return source;
  }
}

/** null: there is more to do than to leave the types out, or it is no TypeScript at all. */
function strip(text: string): string | null {
  try {
    return stripTypeScriptTypes(text, { mode: "strip" });
  } catch {
    return null;
  }
}
