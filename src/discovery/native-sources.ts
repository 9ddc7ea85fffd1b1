/**
 * What Node runs for a project file's text: the text itself, with types that Node strips, or what
 * esbuild makes of it. Owns which files go through esbuild and which it refused; refuses to know
 * where a file is imported from, and under which URL.
 */

import { readFileSync } from "node:fs";
import { type LoadFnOutput, type LoadHookContext, setSourceMapsSupport } from "node:module";
import { fileURLToPath } from "node:url";
import { ErrorNotes } from "../core/error-notes.ts";
import { moduleSyntax } from "./module-syntax.ts";
import {
  isJsx,
  looksUnstrippable,
  transformSource,
  transformSourceSync,
} from "./transform-source.ts";
import type { TsconfigLookup } from "./tsconfig-lookup.ts";

export type NextLoad = (url: string, context?: Partial<LoadHookContext>) => LoadFnOutput;

export interface NativeSourcesOptions {
  readonly tsconfig: TsconfigLookup;
  /** Whether Node is to take the file anew, although it remembers what it had of it. */
  readonly isRenewed: (file: string) => boolean;
  /** Called in the same turn in which `isTransformed` changes: no import may see it in between. */
  readonly onTransformed: (file: string) => void;
}

export class NativeSources {
  readonly #options: NativeSourcesOptions;
  readonly #failedTransforms = new ErrorNotes<string>();
  readonly #transformed = new Set<string>();
  readonly #prepared = new Map<string, string>();

  constructor(options: NativeSourcesOptions) {
    this.#options = options;
  }

  /** Which file esbuild refused, when `error` came from that. */
  failedTransform(error: unknown): string | null {
    return this.#failedTransforms.of(error);
  }

  isTransformed(file: string): boolean {
    return this.#transformed.has(file);
  }

  /**
   * Lets `file` go through esbuild from now on.
   * Throws esbuild's error when the file has faults.
   */
  async transform(file: string): Promise<void> {
    if (this.#transformed.has(file)) return;
    const options = this.#options.tsconfig.compilerOptions(file);
    const code = await transformSource(readFileSync(file, "utf8"), file, options).catch((error) =>
      this.#rethrow(error, file),
    );
    if (this.#transformed.has(file)) return;
    setSourceMapsSupport(true);
    this.#prepared.set(file, code);
    this.#transformed.add(file);
    this.#options.onTransformed(file);
  }

  /** Answers Node's load hook for a file of the project; `next` is Node's own way. */
  load(url: string, context: LoadHookContext, next: NextLoad): LoadFnOutput {
    if (!/\.[cm]?[jt]sx?(?:\?|$)/.test(url)) return next(url, context);
    const file = fileURLToPath(url);
    if (this.#isRequiredAgain(file, context)) return this.#loadAsCommonJs(file);
    if (isJsx(file) || this.#transformed.has(file)) return this.#loadTransformed(file, context);
    const loaded = next(url, { ...context, format: formatOf(file, context.format) });
    if (!/ts$/.test(file) || loaded.source === null || loaded.source === undefined) return loaded;
    const source = textOf(loaded.source);
    return looksUnstrippable(source) ? this.#loadTransformed(file, context, source) : loaded;
  }

  /** Node never forgets an ES module that was required, but it forgets CommonJS. */
  #isRequiredAgain(file: string, { conditions, format }: LoadHookContext): boolean {
    if (!this.#options.isRenewed(file) || !conditions.includes("require")) return false;
    return formatOf(file, format)?.startsWith("module") ?? false;
  }

  #loadAsCommonJs(file: string): LoadFnOutput {
    setSourceMapsSupport(true);
    try {
      const text = readFileSync(file, "utf8");
      const options = this.#options.tsconfig.compilerOptions(file);
      const source = transformSourceSync(text, file, options, "cjs");
      return { source, format: "commonjs", shortCircuit: true };
    } catch (error) {
      this.#rethrow(error, file);
    }
  }

  #loadTransformed(file: string, context: LoadHookContext, text?: string): LoadFnOutput {
    const source = text ?? readFileSync(file, "utf8");
    let code = this.#prepared.get(file);
    this.#prepared.delete(file);
    if (code === undefined) {
      setSourceMapsSupport(true);
      const options = this.#options.tsconfig.compilerOptions(file);
      try {
        code = transformSourceSync(source, file, options);
      } catch (error) {
        this.#rethrow(error, file);
      }
    }
    const format = formatOf(file, context.format, source)?.replace("-typescript", "");
    return {
      source: code,
      format: format ?? (moduleSyntax(source) === "commonjs" ? "commonjs" : "module"),
      shortCircuit: true,
    };
  }

  #rethrow(error: unknown, file: string): never {
    this.#failedTransforms.add(error, file);
    throw error;
  }
}

/** Node's format, but where the ending leaves it open the text decides, not package.json. */
function formatOf(
  file: string,
  given: string | null | undefined,
  text?: string,
): string | null | undefined {
  const typescript = /\.tsx?$/.test(file);
  const open = given === null || given === undefined || given.startsWith("commonjs");
  if (!open || !(typescript || /\.jsx?$/.test(file))) return given;
  const syntax = moduleSyntax(text ?? readFileSync(file, "utf8"));
  if (syntax === "unclear") return given;
  return typescript ? `${syntax}-typescript` : syntax;
}

function textOf(source: NonNullable<LoadFnOutput["source"]>): string {
  return typeof source === "string" ? source : new TextDecoder().decode(source);
}
