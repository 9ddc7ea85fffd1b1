import { describe, expect, test } from "vitest";
import { defaultsOptions } from "../../src/core/check-definition.ts";
import { parseScope } from "../../src/discovery/folder-scopes.ts";
import { TaskProject } from "../support/task-project.ts";

const esm = JSON.stringify({ type: "module" });
const wrap = (letter: string) =>
  `(ctx: unknown, next: () => Promise<unknown>) => next().then((x) => "${letter}" + x)`;

test("an option that no folder has is answered with those that it has", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/_defaults.ts": 'export default { queue: "mail" };',
  });
  const [failure] = (await project.load()).failures;
  const known = defaultsOptions.join(", ");
  expect(failure?.reason).toBe(`queue: unknown option, expected one of ${known}`);
  expect(failure?.fix).toBe(`Correct the options; what applies to a folder is ${known}.`);
});

test("a folder's files apply to every task beneath, the innermost last", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/_defaults.ts":
      'export default { timeout: "1m", priority: "low", retry: { maxAttempts: 9 } };',
    "tasks/_middleware.ts": `export default ${wrap("a")};`,
    "tasks/billing/_defaults.js": 'export default { timeout: "2m" };',
    "tasks/billing/_middleware.ts": `export default [${wrap("b")}, ${wrap("c")}];`,
    "tasks/billing/eu/charge.ts": 'export default { priority: "high", handler: (n: number) => n };',
    "tasks/billing2/refund.ts": "export default (n: number) => n;",
    "tasks/top.ts": "export default (n: number) => n;",
  });
  const { failures, tasks } = await project.load();
  expect(failures).toEqual([]);
  const [charge, refund, top] = tasks;
  expect(charge).toMatchObject({
    name: "billing/eu/charge",
    output: "abc2",
    middleware: 3,
    policies: { timeoutMs: 120_000, priority: -10, maxAttempts: 9 },
    sources: {
      timeoutMs: "tasks/billing/_defaults.js",
      priority: "tasks/billing/eu/charge.ts",
      maxAttempts: "tasks/_defaults.ts",
      classify: "default",
    },
  });
  expect(refund).toMatchObject({ output: "a2", policies: { timeoutMs: 60_000, priority: 10 } });
  expect(top).toMatchObject({ output: "a2", sources: { timeoutMs: "tasks/_defaults.ts" } });
});

describe("a broken scope file", () => {
  test.each([
    [
      "_middleware.ts",
      "export default 5;",
      "bad-definition",
      1,
      1,
      /of type number, expected a function/,
    ],
    [
      "_middleware.ts",
      "\nexport default [async (_, next) => next(), null];",
      "bad-definition",
      2,
      1,
      /item 2 .* null/,
    ],
    ["_middleware.ts", "export const wrap = 1;", "no-default-export", 1, 1, /no default export/],
    ["_middleware.ts", "export default (ctx, next => 1;", "syntax-error", 1, 31, /Expected/],
    ["_middleware.cjs", 'module.exports = require("nowhere");', "missing-module", 1, 26, /nowhere/],
    [
      "_defaults.ts",
      'export default {\n  timeuot: "1m",\n};',
      "bad-definition",
      2,
      3,
      /timeuot: .*did you mean timeout/,
    ],
    [
      "_defaults.ts",
      'export default {\n  retry: { factor: "x" },\n};',
      "bad-definition",
      2,
      12,
      /retry\.factor/,
    ],
    ["_defaults.ts", "export default [];", "bad-definition", 1, 1, /no object/],
    ["_defaults.ts", 'throw new Error("boom");', "import-threw", 1, 7, /boom/],
  ])(
    "%s: %j is a failure of its own and of the tasks beneath",
    async (file, text, code, line, column, reason) => {
      await using project = await TaskProject.of({
        "package.json": esm,
        [`tasks/billing/${file}`]: text,
        "tasks/billing/charge.ts": 'console.error("was imported");\nexport default () => 1;',
        "tasks/billing/eu/charge.ts": "export default () => 1;",
        "tasks/other.ts": "export default () => 1;",
      });
      const { failures, names, warnings } = await project.load();
      expect(names).toEqual(["other"]);
      const scope = failures.find(({ task }) => task === null);
      expect(scope).toMatchObject({
        code,
        file: project.path(`tasks/billing/${file}`),
        line,
        column,
      });
      expect(scope?.reason).toMatch(reason);
      const beneath = failures.filter(({ task }) => task !== null);
      expect(beneath).toMatchObject([
        { task: "billing/charge", code, file: project.path("tasks/billing/charge.ts") },
        { task: "billing/eu/charge", code, file: project.path("tasks/billing/eu/charge.ts") },
      ]);
      for (const { reason: why, fix } of beneath) {
        expect(why).toBe(`tasks/billing/${file} applies to it and could not be loaded`);
        expect(fix).toBe(`Mend tasks/billing/${file}.`);
      }
      expect(warnings).toBe("");
    },
  );

  test("that hangs holds up only the tasks beneath it", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tasks/slow/_middleware.ts": "await new Promise(() => {});\nexport default [];",
      "tasks/slow/x.ts": "export default () => 1;",
      "tasks/other.ts": "export default () => 1;",
    });
    const { failures, names } = await project.load({ importTimeoutMs: 200 });
    expect(names).toEqual(["other"]);
    expect(failures).toMatchObject([
      { code: "import-timeout", task: null, line: 1, column: 1 },
      { code: "import-timeout", task: "slow/x" },
    ]);
  });

  test("has a twin: both are named", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tasks/_defaults.ts": "export default {};",
      "tasks/_defaults.js": "export default {};",
      "tasks/x.ts": "export default () => 1;",
    });
    const { failures, names } = await project.load();
    expect(names).toEqual([]);
    expect(failures).toMatchObject([
      { code: "duplicate-name", task: null, reason: expect.stringContaining("tasks/_defaults.ts") },
      { code: "duplicate-name", task: null, reason: expect.stringContaining("tasks/_defaults.js") },
      { task: "x", fix: "Mend tasks/_defaults.js and tasks/_defaults.ts." },
    ]);
  });
});

test("an empty array of middleware is fine", () => {
  const file = "/p/tasks/_middleware.ts";
  const scope = { scope: "middleware", file, real: file, folder: "" } as const;
  const layer = { source: "tasks/_middleware.ts", defaults: {}, middleware: [] };
  expect(parseScope({ default: [] }, scope, "tasks/_middleware.ts")).toEqual(layer);
});
