import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ImportPatience } from "../../src/discovery/import-module.ts";
import { type PrintedCatalog, TaskProject } from "../support/task-project.ts";

const imported = { state: "imported", module: {} } as const;
const esm = JSON.stringify({ type: "module" });

function outputs(catalog: PrintedCatalog): Record<string, unknown> {
  expect(catalog.failures).toEqual([]);
  return Object.fromEntries(catalog.tasks.map(({ name, output }) => [name, output]));
}

describe("a task file may be", () => {
  test("any form that graphile-worker loads", async () => {
    await using project = await TaskProject.of({
      "package.json": "{}",
      "tasks/arrow.mjs": "export default (n) => n + 1;",
      "tasks/async_function.mjs": "export default async function run(n) { return n + 2; }",
      "tasks/common.cjs": "module.exports = async (n, helpers) => n + typeof helpers;",
      "tasks/common_default.cjs": "exports.default = (n) => n + 3;",
      "tasks/es_flag.cjs":
        'Object.defineProperty(exports, "__esModule", { value: true });\nexports.default = (n) => n + 4;',
      "tasks/double_default.cjs":
        "module.exports = { default: { __esModule: true, default: (n) => n + 5 } };",
      "tasks/plain.js": "module.exports = (n) => n + 6;",
      "tasks/typed.mts": "export default (n: number): number => n + 7;",
      "tasks/nested/deep/typed.ts": "export default async (n: number) => n + 8;",
    });
    expect(outputs(await project.load())).toEqual({
      arrow: 3,
      async_function: 4,
      common: "2object",
      common_default: 5,
      double_default: 7,
      es_flag: 6,
      "nested/deep/typed": 10,
      plain: 8,
      typed: 9,
    });
  });

  test("what defineTask returned, taskrun being this very package", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tasks/greet.ts": `import { defineTask } from "taskrun";
import { z } from "zod";
export default defineTask({
  payload: z.number(),
  aliases: ["hello", "say:hello"],
  description: "Greets.",
  handler: (n: number) => n * 10,
});`,
    });
    await project.installPackages("zod");
    const catalog = await project.load();
    expect(outputs(catalog)).toEqual({ greet: 20 });
    expect(catalog.tasks[0]).toMatchObject({
      aliases: ["hello", "say:hello"],
      description: "Greets.",
      version: 1,
      file: project.path("tasks/greet.ts"),
      sources: { timeoutMs: "default" },
    });
  });

  test.each([
    ["beside a package.json without a type", { "package.json": "{}" }],
    ['beside "type": "module"', { "package.json": esm }],
    ['beside "type": "commonjs", as npm init writes it', { "package.json": '{"type":"commonjs"}' }],
  ])("TypeScript with import and export %s, without a warning", async (_, files) => {
    await using project = await TaskProject.of({
      ...files,
      "tasks/_add.ts": "export const add = (a: number, b: number): number => a + b;",
      "tasks/sum.ts": 'import { add } from "./_add.ts";\nexport default (n: number) => add(n, 1);',
      "tasks/plain.mjs": "export default (n) => n;",
    });
    const catalog = await project.load();
    expect(outputs(catalog)).toEqual({ sum: 3, plain: 2 });
    expect(catalog.warnings).toBe("");
  });

  test("TypeScript that type stripping can't handle", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tsconfig.json": '{ "compilerOptions": { "jsx": "react", "jsxFactory": "h" } }',
      "tasks/enumeration.ts":
        "enum Size { Small, Large }\nexport default (n: number) => Size[n - 1];",
      "tasks/space.ts":
        "namespace Money { export const rate = 3; }\nexport default (n: number) => n * Money.rate;",
      "tasks/property.ts":
        "class Adder { constructor(private readonly by: number) {}\n  add(n: number) { return n + this.by; } }\nexport default (n: number) => new Adder(5).add(n);",
      "tasks/decorated.ts":
        'function upper(_: unknown, context: { name: string }) { context.name; return () => "decorated"; }\nclass Shop {\n  @upper\n  open() { return "plain"; }\n}\nexport default () => new Shop().open();',
      "tasks/inline_enum.cts":
        "enum Size { Small, Large }\nmodule.exports = (n: number) => Size[n - 2];",
      "tasks/view.tsx":
        'const h = (tag: string, _: null, ...inner: string[]) => ["<", tag, ">", ...inner].join("");\nexport default (n: number) => <b>{n}</b>;',
    });
    expect(outputs(await project.load())).toEqual({
      decorated: "decorated",
      enumeration: "Large",
      inline_enum: "Small",
      property: 7,
      space: 6,
      view: "<b>2",
    });
  });

  test("an importer of types without `type`, in itself or further down", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tasks/_types.ts":
        "export interface Options { by: number }\nexport const loads = { count: 0 };",
      "tasks/_deep.ts":
        'import { Options, loads } from "./_types.ts";\nloads.count += 1;\nexport const add = (n: number, { by }: Options) => n + by;\nexport { loads };',
      "tasks/_middle.ts": 'export { add, loads } from "./_deep.ts";',
      "tasks/direct.ts":
        'import { Options } from "./_types.ts";\nexport default (n: number, o?: Options) => n;',
      "tasks/package.ts":
        'import { PoolClient } from "pg";\nexport default (n: number, c?: PoolClient) => n;',
      "tasks/one.ts":
        'import { add, loads } from "./_middle.ts";\nexport default (n: number) => [add(n, { by: 1 }), loads.count];',
      "tasks/two.ts":
        'import { add, loads } from "./_middle.ts";\nexport default (n: number) => [add(n, { by: 2 }), loads.count];',
    });
    await project.installPackages("pg");
    // The shared module has run once, whoever found that it needs the transform.
    expect(outputs(await project.load())).toEqual({
      direct: 2,
      one: [3, 1],
      package: 2,
      two: [4, 1],
    });
  });
});

test("CommonJS may require an ES module that another task imports at the same time", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/_state.ts": "export const state = { users: 0 };",
    "tasks/_between.cjs": 'module.exports = require("./_state.ts");',
    "tasks/a.ts": 'import { state } from "./_state.ts";\nexport default () => (state.users += 1);',
    "tasks/b.cjs":
      'const { state } = require("./_state.ts");\nmodule.exports = () => (state.users += 1);',
    "tasks/c.ts":
      'import between from "./_between.cjs";\nexport default () => (between.state.users += 1);',
    "tasks/d.cjs":
      'const { state } = require("./_between.cjs");\nmodule.exports = () => (state.users += 1);',
  });
  expect(outputs(await project.load())).toEqual({ a: 1, b: 2, c: 3, d: 4 });
});

describe("the limit for imports", () => {
  test("names an import that never ends, and the others are loaded", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tasks/_broker.ts":
        "export const ready = 1;\nexport const broker = await new Promise(() => {});",
      "tasks/hangs.ts": 'import { broker } from "./_broker.ts";\nexport default () => broker;',
      "tasks/hangs_too.ts": "await new Promise(() => {});\nexport default () => 1;",
      "tasks/fine.ts": "await null;\nexport default (n: number) => n;",
    });
    const { failures, names } = await project.load({ importTimeoutMs: 2_000 });
    expect(names).toEqual(["fine"]);
    expect(failures).toMatchObject([
      {
        code: "import-timeout",
        task: "hangs",
        file: project.path("tasks/_broker.ts"),
        line: 2,
        column: 23,
        reason: "its import did not end within 2000 ms",
      },
      { code: "import-timeout", task: "hangs_too", line: 1, column: 1 },
    ]);
  });

  test("does not count while others still end", async () => {
    const patience = new ImportPatience(500);
    const { promise: slow, resolve: endSlow } = Promise.withResolvers<void>();
    const waiting = patience.limit(() => slow.then(() => imported));
    for (let end = 0; end < 15; end += 1) {
      await patience.limit(() => delay(40, imported));
    }
    endSlow();
    expect(await waiting).toMatchObject({ state: "imported" });
  });

  test("does not count while the event loop is blocked", async () => {
    const patience = new ImportPatience(500);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = patience.limit(() => promise.then(() => imported));
    const until = performance.now() + 1_000;
    while (performance.now() < until);
    setTimeout(resolve, 10);
    expect(await waiting).toMatchObject({ state: "imported" });
  });

  test("ends a wait in which nothing happens", async () => {
    const patience = new ImportPatience(20);
    expect(await patience.limit(() => new Promise(() => {}))).toEqual({ state: "stuck" });
  });
});
