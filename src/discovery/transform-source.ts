/**
 * TypeScript and JSX that Node can't run as it is, made JavaScript by esbuild.
 * Owns esbuild and its options; refuses to decide which file needs it beyond `looksUnstrippable`.
 */

import { createRequire } from "node:module";
import { extname } from "node:path";
import type { Loader, Message, TransformOptions } from "esbuild";
import type { Position } from "./source-location.ts";
import type { CompilerOptions } from "./tsconfig-lookup.ts";

/** esbuild's word on a text it can't parse. */
export interface SyntaxFault {
  readonly file: string;
  readonly place: Position | null;
  readonly message: string;
}

const loaders: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".jsx": "jsx",
  ".json": "json",
};

// Each alternative is syntax that has an effect at run time, which stripping types can't keep.
const unstrippable = new RegExp(
  [
    /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/,
    /^\s*(?:export\s+)?(?:namespace|module)\s+[\w.]+\s*\{/,
    /\bconstructor\s*\([^)]*\b(?:public|private|protected|readonly|override)\s/,
    /^\s*(?:export\s+)?import\s+\w+\s*=/,
    /^\s*export\s*=/,
    /(?:^|[;(,]|\{\s)[ \t]*@(?!\$\{)[A-Za-z_$(]/,
  ]
    .map((each) => each.source)
    .join("|"),
  "m",
);

// Most files have none of these words, and then the slow pattern need not run.
const telltale = /@|\b(?:enum|namespace|module|constructor)\b|\bexport\s*=|\bimport\s+\w+\s*=/;

/** Whether the text seems to have enums, parameter properties, decorators or the like. */
export function looksUnstrippable(source: string): boolean {
  return telltale.test(source) && unstrippable.test(source);
}

/** Whether Node has no loader for the file's ending at all. */
export function isJsx(file: string): boolean {
  return /\.[jt]sx$/.test(file);
}

/**
 * `format`: what becomes of `import` and `export`. Default: they stay as they are.
 * Throws esbuild's error for a text with faults; `syntaxFault` reads it.
 */
export function transformSourceSync(
  source: string,
  file: string,
  options: CompilerOptions,
  format?: "cjs",
): string {
  const all = { ...transformOptions(file, options), ...(format && { format }) };
  return esbuild().transformSync(source, all).code;
}

/** The same in esbuild's own process, many at a time. */
export async function transformSource(
  source: string,
  file: string,
  options: CompilerOptions,
): Promise<string> {
  return (await esbuild().transform(source, transformOptions(file, options))).code;
}

/** Returns the first fault that esbuild finds in the text; null when it finds none. */
export async function findSyntaxFault(source: string, file: string): Promise<SyntaxFault | null> {
  try {
    await esbuild().transform(source, { loader: loaderOf(file), logLevel: "silent" });
    return null;
  } catch (error) {
    return syntaxFault(error, file);
  }
}

/** Reads an error that esbuild threw for `file`; null for any other error. */
export function syntaxFault(error: unknown, file: string): SyntaxFault | null {
  if (!isTransformFailure(error)) return null;
  const first = error.errors[0];
  if (first === undefined) return null;
  return { file, place: placeOf(first), message: first.text };
}

function placeOf({ location }: Message): Position | null {
  if (location === null) return null;
  // esbuild counts bytes.
  const before = Buffer.from(location.lineText).subarray(0, location.column).toString();
  return { line: location.line, column: before.length + 1 };
}

function isTransformFailure(error: unknown): error is Error & { errors: Message[] } {
  return error instanceof Error && "errors" in error && "warnings" in error;
}

function transformOptions(file: string, options: CompilerOptions): TransformOptions {
  // "preserve" leaves JSX to a bundler that comes after; none does here.
  const jsx = options.jsx === undefined || options.jsx === "preserve" ? "react-jsx" : options.jsx;
  const { target: _, ...others } = options;
  return {
    loader: loaderOf(file),
    sourcefile: file,
    sourcemap: "inline",
    sourcesContent: false,
    target: `node${process.versions.node}`,
    tsconfigRaw: JSON.stringify({ compilerOptions: { ...others, jsx } }),
    logLevel: "silent",
  };
}

function loaderOf(file: string): Loader {
  return loaders[extname(file)] ?? "js";
}

function esbuild(): typeof import("esbuild") {
  // Node's load hooks are synchronous, and most projects never need this package.
  return createRequire(import.meta.url)("esbuild");
}
