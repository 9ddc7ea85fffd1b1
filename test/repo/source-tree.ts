/**
 * Reads the repository's own code once, as plain facts about each file: what it imports and
 * exports, its comments, its syntax tree. Judges nothing; the tests beside it do.
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "vite";

export const repositoryDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A node of the syntax tree (ESTree with TypeScript's nodes). */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface Import {
  /** As written; null for an `import()` whose argument is not a literal. */
  readonly specifier: string | null;
  /** Repository-relative path for relative specifiers, else null. */
  readonly target: string | null;
  readonly dynamic: boolean;
  readonly line: number;
}

export interface SourceFile {
  /** Relative to the repository, with "/". */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** Names it exports; "default" for a default export, re-exports included. */
  readonly exports: readonly string[];
  /** Whether it exports types and interfaces only and has no code of its own. */
  readonly typesOnly: boolean;
  /** Whether it only passes on what other files export. */
  readonly barrel: boolean;
  readonly comments: readonly { readonly text: string; readonly line: number }[];
  readonly program: SyntaxNode;
  lineAt(offset: number): number;
}

/** Every file beneath `folder` (repository-relative) with one of the extensions, sorted. */
export function listFiles(folder: string, extensions: readonly string[]): string[] {
  const skipped = new Set(["node_modules", "dist", "fixtures", ".git", ".taskrun"]);
  const found: string[] = [];
  const visit = (dir: string): void => {
    for (const entry of readdirSync(join(repositoryDir, dir), { withFileTypes: true })) {
      const path = posix.join(dir, entry.name);
      if (entry.isDirectory() && !skipped.has(entry.name)) visit(path);
      else if (entry.isFile() && extensions.some((end) => path.endsWith(end))) found.push(path);
    }
  };
  try {
    visit(folder);
  } catch (error) {
    // why: fs errors carry a code
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return found.sort();
}

/** Parses every TypeScript file beneath `folder`. */
export function readSourceTree(folder: string): SourceFile[] {
  return listFiles(folder, [".ts", ".tsx"]).map((path) =>
    parseSource(path, readFileSync(join(repositoryDir, path), "utf8")),
  );
}

export function parseSource(path: string, text: string): SourceFile {
  const { program, module, comments, errors } = parseSync(path, text, {
    lang: path.endsWith(".tsx") ? "tsx" : "ts",
  });
  if (errors[0]) throw new Error(`${path} does not parse: ${errors[0].message}`);
  const lineAt = lineFinder(text);
  const root = program as unknown as SyntaxNode; // why: the parser's node types have no index
  const statements = (root.body as SyntaxNode[]) ?? []; // why: a program's body is its statements
  return {
    path,
    text,
    imports: importsOf(path, text, module, root, lineAt),
    exports: exportedNames(statements),
    typesOnly: statements.every(declaresOnlyTypes),
    barrel: statements.length > 0 && statements.every(passesOn),
    comments: comments.map((comment) => ({ text: comment.value, line: lineAt(comment.start) })),
    program: root,
    lineAt,
  };
}

/** Calls `visit` for every node, parents first. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode) => void,
): void {
  const descend = (value: unknown, parent: SyntaxNode): void => {
    if (Array.isArray(value)) for (const item of value) descend(item, parent);
    else if (isNode(value)) {
      visit(value, parent);
      for (const child of Object.values(value)) descend(child, value);
    }
  };
  for (const child of Object.values(node)) descend(child, node);
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

type ModuleRecord = ReturnType<typeof parseSync>["module"];

function importsOf(
  path: string,
  text: string,
  module: ModuleRecord,
  root: SyntaxNode,
  lineAt: (offset: number) => number,
): Import[] {
  const literal = (written: string): string | null =>
    /^(["'])([^"']*)\1$/.exec(written)?.[2] ?? null;
  const make = (specifier: string | null, dynamic: boolean, start: number): Import => ({
    specifier,
    target: specifier?.startsWith(".") ? posix.join(posix.dirname(path), specifier) : null,
    dynamic,
    line: lineAt(start),
  });
  const found = module.staticImports.map((each) =>
    make(each.moduleRequest.value, false, each.start),
  );
  for (const each of module.staticExports) {
    const from = each.entries.find((entry) => entry.moduleRequest)?.moduleRequest;
    if (from) found.push(make(from.value, false, each.start));
  }
  for (const { moduleRequest, start } of module.dynamicImports)
    found.push(make(literal(text.slice(moduleRequest.start, moduleRequest.end)), true, start));
  walk(root, (node) => {
    if (node.type !== "TSImportType") return;
    const source = node.source as { value?: string } | undefined; // why: its source is a literal
    found.push(make(source?.value ?? null, false, node.start));
  });
  return found;
}

function exportedNames(statements: readonly SyntaxNode[]): string[] {
  const names: string[] = [];
  const nameOf = (node: unknown): string | undefined => {
    // why: an identifier has a name, a string literal a value
    const named = node as { name?: string; value?: string } | null;
    return named?.name ?? named?.value;
  };
  for (const statement of statements) {
    if (statement.type === "ExportDefaultDeclaration") {
      names.push("default");
      const declaration = statement.declaration as SyntaxNode; // why: a default export has one
      const declared = nameOf(declaration.id);
      if (declared) names.push(declared);
    } else if (statement.type === "ExportNamedDeclaration") {
      const declaration = statement.declaration as SyntaxNode | null; // why: null for `export {}`
      // why: lists of nodes; a const declares many, other declarations are their own
      const specifiers = (statement.specifiers ?? []) as SyntaxNode[];
      const declarators = (declaration?.declarations ?? [declaration]) as (SyntaxNode | null)[];
      const found = [
        ...specifiers.map((each) => nameOf(each.exported)),
        ...declarators.map((each) => nameOf(each?.id)),
      ];
      names.push(...found.filter((name) => name !== undefined));
    }
  }
  return names;
}

function declaresOnlyTypes(statement: SyntaxNode): boolean {
  // why: exports wrap a declaration
  const declaration = statement.declaration as SyntaxNode | null | undefined;
  const kind = declaration?.type ?? statement.type;
  if (kind === "TSInterfaceDeclaration" || kind === "TSTypeAliasDeclaration") return true;
  if (statement.type === "ImportDeclaration") return true;
  if (statement.type === "ExportAllDeclaration") return statement.exportKind === "type";
  if (statement.type !== "ExportNamedDeclaration" || declaration) return false;
  const specifiers = statement.specifiers as SyntaxNode[]; // why: always a list of nodes
  return statement.exportKind === "type" || specifiers.every((each) => each.exportKind === "type");
}

function passesOn(statement: SyntaxNode): boolean {
  if (statement.type === "ExportAllDeclaration") return true;
  return statement.type === "ExportNamedDeclaration" && Boolean(statement.source);
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
