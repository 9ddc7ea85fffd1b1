import { describe, expect, test } from "vitest";
import { isProjectUrl } from "../../src/discovery/module-hooks.ts";
import { TaskProject } from "../support/task-project.ts";

const esm = JSON.stringify({ type: "module" });

describe("a task file may import", () => {
  test("without an ending, by the ending of what it compiles to, and a folder", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "source/db.ts": "export const db = 1;",
      "source/mail/index.ts": "export const mail = 10;",
      "source/old.cts": "exports.old = 100 as number;",
      "tasks/sum.ts":
        'import { db } from "../source/db";\nimport { db as same } from "../source/db.js";\nimport { mail } from "../source/mail";\nimport old from "../source/old.cjs";\nexport default () => [db, same, mail, old.old];',
      "tasks/required.cjs": 'const { db } = require("../source/db");\nmodule.exports = () => db;',
    });
    const { failures, tasks } = await project.load();
    expect(failures).toEqual([]);
    expect(tasks.map(({ output }) => output)).toEqual([1, [1, 1, 10, 100]]);
  });

  test("by an alias of tsconfig.json, inherited ones too", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tsconfig.base.json":
        '{ "compilerOptions": { "paths": { "@/*": ["./source/*"], "conf": ["./source/conf.ts"] } } }',
      "tsconfig.json": '{\n  // comments are allowed\n  "extends": "./tsconfig.base.json",\n}',
      "source/db.ts": "export const db = 7;",
      "source/conf.ts": 'import { db } from "@/db";\nexport const conf = db + 1;',
      "tasks/aliased.ts":
        'import { db } from "@/db";\nimport { conf } from "conf";\nexport default () => [db, conf];',
    });
    const { failures, tasks } = await project.load();
    expect(failures).toEqual([]);
    expect(tasks[0]?.output).toEqual([7, 8]);
  });

  test("beside a tsconfig.json that is broken or extends what isn't there", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tsconfig.json": '{ "extends": "./nowhere.json", "compilerOptions": { "paths": 5 } }',
      "tasks/one.ts": 'import { a } from "./_a.ts";\nenum E { A }\nexport default () => [a, E.A];',
      "tasks/_a.ts": "export const a: number = 3;",
      "tasks/sub/tsconfig.json": "{ nonsense",
      "tasks/sub/two.ts": 'import "zod";\nexport default () => 4;',
    });
    await project.installPackages("zod");
    const { failures, tasks } = await project.load();
    expect(failures).toEqual([]);
    expect(tasks.map(({ output }) => output)).toEqual([[3, 0], 4]);
  });

  test("taskrun, in a project that has not installed it", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "tasks/where.ts": 'export default () => import.meta.resolve("taskrun/package.json");',
      "tasks/version.ts":
        'import own from "taskrun/package.json" with { type: "json" };\nexport default () => own.name;',
    });
    const { failures, tasks } = await project.load();
    expect(failures).toEqual([]);
    expect(tasks.map(({ output }) => output)).toEqual(["taskrun", expect.stringMatching(/^file:/)]);
  });

  test("the project's own copy of taskrun where there is one", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "node_modules/taskrun/package.json":
        '{ "name": "taskrun", "version": "0.0.7", "exports": { "./package.json": "./package.json" } }',
      "tasks/version.ts":
        'import own from "taskrun/package.json" with { type: "json" };\nexport default () => own.version;',
    });
    const { tasks } = await project.load();
    expect(tasks[0]?.output).toBe("0.0.7");
  });

  test("one instance of a shared module, whatever it needed", async () => {
    await using project = await TaskProject.of({
      "package.json": esm,
      "source/state.ts": "enum Kind { A }\nexport const state = { kind: Kind.A, users: 0 };",
      "tasks/a.ts":
        'import { state } from "../source/state";\nexport default () => (state.users += 1);',
      "tasks/b.ts":
        'import { state } from "../source/state.js";\nexport default () => (state.users += 1);',
    });
    const { tasks } = await project.load();
    expect(tasks.map(({ output }) => output)).toEqual([1, 2]);
  });
});

test("hooks leave packages, other schemes and this package alone", () => {
  expect(isProjectUrl("file:///app/tasks/send.ts")).toBe(true);
  expect(isProjectUrl("file:///app/node_modules/pg/index.js")).toBe(false);
  expect(isProjectUrl("node:fs")).toBe(false);
  expect(isProjectUrl(new URL("../../src/index.ts", import.meta.url).href)).toBe(false);
  expect(isProjectUrl(new URL("../../tasks/send.ts", import.meta.url).href)).toBe(true);
});

test("CommonJS may require taskrun in a project that has not installed it", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/own.cjs": 'const { ok } = require("taskrun");\nmodule.exports = (n) => ok(n).value;',
  });
  const { failures, tasks } = await project.load();
  expect(failures).toEqual([]);
  expect(tasks[0]?.output).toBe(2);
});
