import { chmod } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { LoadFailure } from "../../src/core/catalog.ts";
import { TaskProject } from "../support/task-project.ts";

const esm = JSON.stringify({ type: "module" });

interface Broken {
  readonly fault: string;
  readonly files: Readonly<Record<string, string>>;
  /** file:line:col, relative to tasks/. */
  readonly place: string;
  readonly code: LoadFailure["code"];
  readonly reason: string | RegExp;
  readonly fix?: string | RegExp;
}

const broken: Broken[] = [
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

describe("a task file is reported with its place when it has", () => {
  test.each(broken)("$fault", async ({ files, place, code, reason, fix }) => {
    const inTasks = Object.entries(files).map(([path, text]) => [`tasks/${path}`, text]);
    await using project = await TaskProject.of({
      "package.json": esm,
      "tasks/good.ts": "export default (n: number) => n;",
      ...Object.fromEntries(inTasks),
    });
    const { failures, names } = await project.load();
    expect(names).toEqual(["good"]);
    expect(failures).toHaveLength(1);
    const [failure] = failures;
    expect(failure).toMatchObject({ code, task: "bad" });
    const { column, file, line } = failure!;
    expect(`${file}:${line}:${column}`).toBe(project.path(`tasks/${place}`));
    expect(failure?.reason).toMatch(reason);
    expect(failure?.fix).toMatch(fix ?? /./);
    const marked = failure?.frame?.split("\n").findIndex((each) => each.startsWith(`> ${line} |`));
    expect(marked).toBeGreaterThanOrEqual(0);
  });

  test.each(["null", "undefined", '"a text"', "{ toString: null }"])(
    "a throw of %s, which has no place",
    async (thrown) => {
      await using project = await TaskProject.of({
        "package.json": esm,
        "tasks/bad.ts": `throw ${thrown};`,
      });
      const { failures } = await project.load();
      expect(failures).toMatchObject([
        { code: "import-threw", task: "bad", line: null, frame: null },
      ]);
    },
  );
});

test("a module that several tasks import fails for each of them, at the same place", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/_db.ts": 'throw new Error("no database");',
    "tasks/a.ts": 'import "./_db.ts";\nexport default () => 1;',
    "tasks/b.ts": 'import "./_db.ts";\nexport default () => 1;',
  });
  const { failures } = await project.load();
  expect(failures.map(({ file, line, task }) => [file, line, task])).toEqual([
    [project.path("tasks/_db.ts"), 1, "a"],
    [project.path("tasks/_db.ts"), 1, "b"],
  ]);
});

test("a file and a folder that may not be read are named", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/ok.ts": "export default () => 1;",
    "tasks/shut.ts": "export default () => 1;",
    "tasks/user.ts": 'import "./_shut.ts";\nexport default () => 1;',
    "tasks/_shut.ts": "export {};",
    "tasks/folder/x.ts": "export default () => 1;",
  });
  const shut = ["tasks/shut.ts", "tasks/_shut.ts", "tasks/folder"].map((each) =>
    project.path(each),
  );
  for (const path of shut) await chmod(path, 0);
  const { failures, names } = await project.load({ unprivileged: true });
  await chmod(project.path("tasks/folder"), 0o700);
  expect(names).toEqual(["ok"]);
  const reason = "it can't be read (EACCES)";
  expect(failures).toMatchObject([
    { code: "unreadable", task: "user", file: project.path("tasks/_shut.ts"), reason },
    { code: "unreadable", task: null, file: project.path("tasks/folder"), reason },
    { code: "unreadable", task: "shut", file: project.path("tasks/shut.ts"), reason },
  ]);
});
