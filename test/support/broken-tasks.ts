/** A task file for each way to be broken, and what each loader says of it. */

import type { LoadFailure } from "../../src/core/catalog.ts";

export interface BrokenTask {
  readonly fault: string;
  readonly files: Readonly<Record<string, string>>;
  /** file:line:col, relative to tasks/. */
  readonly place: string;
  readonly code: LoadFailure["code"];
  readonly reason: string | RegExp;
  readonly fix?: string | RegExp;
}

export const brokenTasks: readonly BrokenTask[] = [
  {
    fault: "a syntax error in TypeScript",
    files: { "bad.ts": "export const a = 1;\nconst b: = 3;\nexport default () => b;" },
    place: "bad.ts:2:10",
    code: "syntax-error",
    reason: 'Unexpected "="',
  },
  {
    fault: "a syntax error in JavaScript",
    files: { "bad.js": "export default () => {\n  return 1 +;\n};" },
    place: "bad.js:2:13",
    code: "syntax-error",
    reason: 'Unexpected ";"',
  },
  {
    fault: "a syntax error in CommonJS",
    files: { "bad.cjs": "module.exports = () => {\n  if (;\n};" },
    place: "bad.cjs:2:7",
    code: "syntax-error",
    reason: 'Unexpected ";"',
  },
  {
    fault: "a name that is declared twice, which V8 places nowhere",
    files: {
      "bad.ts": "const été = 3; const b = 1;\nconst é = 2; const b = 4;\nexport default () => b;",
    },
    place: "bad.ts:2:20",
    code: "syntax-error",
    reason: 'The symbol "b" has already been declared',
  },
  {
    fault: "a syntax error in a module that it imports",
    files: {
      "_dep.ts": "\nexport const x = (;",
      "bad.ts": 'import { x } from "./_dep.ts";\nexport default () => x;',
    },
    place: "_dep.ts:2:19",
    code: "syntax-error",
    reason: 'Unexpected ";"',
  },
  {
    fault: "a syntax error in a text that needs esbuild",
    files: { "bad.ts": "enum A { B }\nenum { C }\nexport default () => 1;" },
    place: "bad.ts:2:6",
    code: "syntax-error",
    reason: /identifier/,
  },
  {
    fault: "a throw while it is imported",
    files: {
      "bad.ts":
        'const a: number = 1;\nif (a) throw new TypeError("no key");\nexport default () => 1;',
    },
    place: "bad.ts:2:14",
    code: "import-threw",
    reason: "it threw while it was imported: TypeError: no key",
  },
  {
    fault: "a throw in a module that it imports",
    files: {
      "_key.ts": 'export function key(): string {\n  throw new Error("no key");\n}',
      "bad.ts":
        'import { key } from "./_key.ts";\nexport const k = key();\nexport default () => k;',
    },
    place: "_key.ts:2:9",
    code: "import-threw",
    reason: /no key/,
  },
  {
    fault: "a throw in a text that went through esbuild",
    files: {
      "bad.ts":
        'enum A { B }\ninterface Unused {\n  a: 1;\n}\nthrow new Error("late");\nexport default () => A.B;',
    },
    place: "bad.ts:5:7",
    code: "import-threw",
    reason: /late/,
  },
  {
    fault: "JSON.parse failing while it is imported",
    files: { "bad.ts": 'export const a = 1;\nexport default JSON.parse("{");' },
    place: "bad.ts:2:21",
    code: "import-threw",
    reason: /SyntaxError/,
  },
  {
    fault: "require in an ES module",
    files: {
      "bad.js": 'import "node:fs";\nconst x = require("node:path");\nexport default () => x;',
    },
    place: "bad.js:2:11",
    code: "import-threw",
    reason: /require is not defined/,
    fix: /\.cjs/,
  },
  {
    fault: "an import of broken JSON",
    files: {
      "_data.json": '{ "a": 1,\n  "b": }',
      "bad.ts":
        'import data from "./_data.json" with { type: "json" };\nexport default () => data;',
    },
    place: "_data.json:2:8",
    code: "syntax-error",
    reason: 'Unexpected "}" in JSON',
  },
  {
    fault: "a require of broken JSON",
    files: {
      "_data.json": '{ "a": }',
      "bad.cjs": 'const d = require("./_data.json");\nmodule.exports = () => d;',
    },
    place: "_data.json:1:8",
    code: "syntax-error",
    reason: /Unexpected/,
  },
  {
    fault: "an import of JSON without its type",
    files: {
      "_data.json": "{}",
      "bad.ts": 'import data from "./_data.json";\nexport default () => data;',
    },
    place: "bad.ts:1:18",
    code: "syntax-error",
    reason: /doesn't say that it is JSON/,
    fix: 'Write: import … from "./_data.json" with { type: "json" }',
  },
];
