/** The architecture as a table, and the dangerous things that have one owner each. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type HouseRule, keepRule } from "./house-rule.ts";
import {
  listFiles,
  readSourceTree,
  repositoryDir,
  type SourceFile,
  type SyntaxNode,
  walk,
} from "./source-tree.ts";

const belowRuntime = ["core", "config", "discovery", "middleware", "store"];
const doors = ["dev", "http", "client", "testing"];

/** room → the rooms it may import from, besides itself. */
const layers: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ["core"],
  discovery: ["core"],
  middleware: ["core"],
  store: ["core"],
  runtime: belowRuntime,
  dev: [...belowRuntime, "runtime"],
  http: [...belowRuntime, "runtime"],
  // Without a URL it looks for the embedded server that a developer has running.
  client: [...belowRuntime, "runtime", "dev"],
  // Its databases are scratch copies on the embedded server.
  testing: [...belowRuntime, "runtime", "dev"],
  // It runs in a browser and knows of the rest only what the HTTP API answers.
  dashboard: [],
  cli: [...belowRuntime, "runtime", ...doors],
  // defineTask gives tasks their enqueue().
  "index.ts": ["core", "config", "runtime", "client"],
};

/** Files that only collect names for users; the house itself imports the files behind them. */
const isDoor = (path: string): boolean => /^src\/(?:[^/]+\/)?index\.ts$/.test(path);

const roomOf = (path: string): string => path.split("/")[1] ?? "";

const rules: HouseRule[] = [
  {
    fact: "imports go down only, and siblings never import each other",
    fix: "move the shared part down to a room both may import (types and pure functions: core), or pass it in as a parameter from the room above",
    find: (file) =>
      importsWhere(file, (target) => {
        const [from, to] = [roomOf(file.path), roomOf(target)];
        return target.startsWith("src/") && from !== to && !layers[from]?.includes(to);
      }),
    broken: ["src/store/x.ts", 'import type { A } from "../runtime/a.ts"; let a: A;'],
  },
  {
    fact: "nothing in src/ reaches outside src/ by a relative import",
    fix: "the published package has only bin, dist and src",
    find: (file) => importsWhere(file, (target) => !target.startsWith("src/")),
    broken: ["src/store/x.ts", 'const a = await import("../../test/a.ts");'],
  },
  {
    fact: "nothing in src/ imports src/index.ts or a room's index.ts",
    fix: "import the file that defines the name",
    find: (file) => importsWhere(file, isDoor),
    broken: ["src/cli/x.ts", 'export { a } from "../testing/index.ts";'],
  },
  {
    fact: "relative imports name the .ts file",
    fix: 'write the file with its ending: "./job.ts"',
    find: (file) => importsWhere(file, (target) => !/\.(tsx?|json)$/.test(target)),
    broken: ["src/cli/x.ts", 'type A = import("./a").A;'],
  },
  {
    fact: "an index.ts only passes on names",
    fix: "move the code into a file named after what it exports",
    find: (file) => (isDoor(file.path) && !file.barrel ? [file.path] : []),
    broken: ["src/testing/index.ts", "export const a = 1;"],
  },
  {
    fact: "process.env is read in config/load-config.ts only",
    fix: "make it an option of the config, resolved in src/config/load-config.ts",
    find: (file) => membersOfProcess(file, "env", ["src/config/load-config.ts"]),
    broken: ["src/cli/x.ts", 'const { env } = process; process["env"].A;'],
  },
  {
    fact: "process.exit is called in cli/main.ts only",
    fix: "return an exit code, or throw a coded error; src/cli/main.ts decides",
    find: (file) => membersOfProcess(file, "exit", ["src/cli/main.ts"]),
    broken: ["src/cli/x.ts", "() => process.exit(1);"],
  },
  {
    fact: "a module whose name is not written down is imported in two files only",
    fix: "call src/discovery/import-module.ts or src/config/read-config-file.ts, or write the name out",
    find: (file) =>
      ["src/discovery/import-module.ts", "src/config/read-config-file.ts"].includes(file.path)
        ? []
        : file.imports
            .filter(({ dynamic, specifier }) => dynamic && specifier === null)
            .map(({ line }) => `${file.path}:${line}`),
    broken: ["src/cli/x.ts", '(a) => import("./" + a);'],
  },
  {
    fact: "the dashboard imports two packages and makes HTML of nothing that it was told",
    fix: "show a text as a child of an element, the framework escapes it; or ask the API",
    find: (file) => (roomOf(file.path) === "dashboard" ? unsafeInBrowser(file) : []),
    broken: ["src/dashboard/x.tsx", "const a = <p dangerouslySetInnerHTML={{ __html: b }} />;"],
  },
  {
    fact: "the queue's private tables are named under store/queue and store/migrations only",
    fix: "put the statement into src/store/queue/ and call it from here",
    find: (file) => (ownsPrivateTables(file.path) ? [] : textsWith(file, "_private_")),
    broken: ["src/store/x.ts", "query(`select 1 from graphile_worker._private_jobs`);"],
  },
];

const files = readSourceTree("src");

describe("layers", () => {
  for (const rule of rules) keepRule(rule, files);

  test("every folder of src/ has a line in the table", () => {
    const rooms = new Set(files.map((file) => roomOf(file.path)));
    expect(
      [...rooms].filter((room) => !(room in layers)),
      "add the room to `layers` in this test, or move the file",
    ).toEqual([]);
  });

  test(".sql files name the queue's private tables under the same two folders only", () => {
    const found = listFiles("src", [".sql"]).filter(
      (path) =>
        !ownsPrivateTables(path) &&
        readFileSync(join(repositoryDir, path), "utf8").includes("_private_"),
    );
    expect(found, "move the file into src/store/queue/").toEqual([]);
  });
});

function ownsPrivateTables(path: string): boolean {
  return path.startsWith("src/store/queue/") || path.startsWith("src/store/migrations/");
}

function importsWhere(file: SourceFile, unwanted: (target: string) => boolean): string[] {
  return file.imports
    .filter(({ target }) => target !== null && unwanted(target))
    .map(({ target, line }) => `${file.path}:${line} imports ${target}`);
}

const browserPackages = /^(preact|preact\/hooks|uplot)$/;
const htmlMakers = new RegExp(
  [
    "innerHTML|outerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|srcdoc|DOMParser",
    "setHTMLUnsafe|createContextualFragment|document.write|\\beval\\(|new Function",
  ].join("|"),
  "g",
);

function unsafeInBrowser(file: SourceFile): string[] {
  const packages = file.imports.filter(
    ({ target, specifier }) => target === null && !browserPackages.test(specifier ?? ""),
  );
  return [
    ...packages.map(({ specifier, line }) => `${file.path}:${line} imports ${specifier}`),
    ...[...file.text.matchAll(htmlMakers)].map(
      ({ 0: found, index }) => `${file.path}:${file.lineAt(index)} uses ${found}`,
    ),
  ];
}

function membersOfProcess(file: SourceFile, member: string, owners: readonly string[]): string[] {
  if (owners.includes(file.path)) return [];
  const found = new Set<string>();
  const isNamed = (node: unknown, name: string): boolean =>
    (node as { name?: string } | null)?.name === name; // why: identifiers have a name
  const isMember = (node: unknown, name: string): boolean =>
    isNamed(node, name) || textOf(node as SyntaxNode) === name; // why: a property is a node
  walk(file.program, (node) => {
    const reads =
      node.type === "MemberExpression" &&
      isNamed(node.object, "process") &&
      isMember(node.property, member);
    const unpacks =
      node.type === "VariableDeclarator" &&
      isNamed(node.init, "process") &&
      file.text.slice(node.start, node.end).includes(member);
    const imports =
      node.type === "ImportSpecifier" &&
      isNamed(node.imported, member) &&
      /import[^;]*["'](?:node:)?process["']/.test(file.text);
    if (reads || unpacks || imports) found.add(`${file.path}:${file.lineAt(node.start)}`);
  });
  return [...found];
}

function textsWith(file: SourceFile, part: string): string[] {
  const found: string[] = [];
  walk(file.program, (node) => {
    if (textOf(node).includes(part)) found.push(`${file.path}:${file.lineAt(node.start)}`);
  });
  return found;
}

/** The text of a string literal or of one piece of a template; "" for other nodes. */
function textOf(node: SyntaxNode): string {
  if (node.type === "Literal" && typeof node.value === "string") return node.value;
  if (node.type !== "TemplateElement") return "";
  return (node.value as { raw: string }).raw; // why: a template element's value is its text
}
