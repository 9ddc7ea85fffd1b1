import { execFile } from "node:child_process";
import { rename } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { brokenTasks } from "../support/broken-tasks.ts";
import { WatchedProject } from "../support/watched-project.ts";

/** Tasks in every form that is understood, beside files that are none. */
const variety = {
  "tsconfig.json":
    '{ "compilerOptions": { "paths": { "@/*": ["./source/*"] }, "experimentalDecorators": true } }',
  "source/db.ts": "export const db: number = 7;\nexport type Db = number;",
  "source/old.cts": "exports.old = 100 as number;",
  "source/data.json": '{ "n": 5 }',
  "tasks/aliased.ts": 'import { db } from "@/db";\nexport default () => db;',
  "tasks/bare.ts": 'import { db } from "../source/db";\nexport default () => db;',
  "tasks/compiled.ts": 'import { db } from "../source/db.js";\nexport default () => db;',
  "tasks/typed.ts": 'import { Db, db } from "../source/db.ts";\nexport default (n: Db) => n + db;',
  "tasks/enumerated.ts": "enum A { B, C }\nexport default (n: number) => n + A.C;",
  "tasks/decorated.ts":
    "const seen: string[] = [];\nfunction note(_: unknown, name: string) { seen.push(name); }\nclass A { @note go() {} }\nexport default () => [seen, typeof A];",
  "tasks/jsx.tsx": "/** @jsx h */\nconst h = (tag: string) => tag;\nexport default () => <p />;",
  "tasks/common.cjs": "module.exports = (n) => n + require('../source/db').db;",
  "tasks/interop.cts":
    "exports.default = { handler: (n: number) => n };\nexports.__esModule = true;",
  "tasks/mixed.ts":
    'import old from "../source/old.cjs";\nimport { old as same } from "../source/old.cts";\nexport default () => [old.old, same];',
  "tasks/json.ts":
    'import data from "../source/data.json" with { type: "json" };\nexport default () => data.n;',
  "tasks/lazy.ts":
    'export default async () => (await import("../source/db.ts")).db + (await import("node:path")).sep.length;',
  "tasks/meta.ts":
    'export default () => [import.meta.url, import.meta.filename, import.meta.dirname, import.meta.resolve("./bare"), import.meta.resolve("zod")];',
  "tasks/ring-a.ts":
    'import { b } from "./_ring-b.ts";\nexport const a = 1;\nexport default () => b();',
  "tasks/_ring-b.ts": 'import { a } from "./ring-a.ts";\nexport const b = () => a;',
  "tasks/host.ts":
    'import own from "taskrun/package.json" with { type: "json" };\nexport default () => own.name;',
  "tasks/options.ts":
    'import { defineTask } from "taskrun";\nimport { z } from "zod";\nexport default defineTask({ payload: z.number(), timeout: "9s", aliases: ["opts"], handler: (n) => n });',
  "tasks/mail/_defaults.ts": 'export default { timeout: "2m" };',
  "tasks/mail/_middleware.ts":
    "export default async (_: unknown, next: () => Promise<unknown>) => [await next()];",
  "tasks/mail/send.ts": "export default () => 1;",
  "tasks/odd/_defaults.ts": "export default { timeout: nothing };",
  "tasks/odd/blocked.ts": "export default () => 1;",
  "tasks/twin.ts": "export default () => 1;",
  "tasks/twin.js": "export default () => 1;",
  "tasks/bad name.ts": "",
  "tasks/empty.ts": "",
  "tasks/number.ts": "export default 5;",
  "tasks/option.ts": "export default { timeout: true, handler() {} };",
  "tasks/missing.ts": 'import { a } from "./_nowhere.ts";\nexport default a;',
  "tasks/package.ts": 'import "nowhere";\nexport default () => 1;',
  "tasks/name.ts": 'import {\n  nothing,\n} from "../source/db.ts";\nexport default nothing;',
  "tasks/defaulted.ts": 'import db from "../source/db.ts";\nexport default db;',
};

test("a saved task runs its new text, and the other keeps its very Task", async () => {
  await using watched = await WatchedProject.of({
    "tasks/a.ts": "export default (n: number) => n + 1;",
    "tasks/b.ts": "export default (n: number) => n + 10;",
  });
  const { failures, tasks } = await watched.load();
  expect(failures).toEqual([]);
  expect(tasks.map(({ name, version }) => [name, version])).toEqual([
    ["a", 1],
    ["b", 1],
  ]);
  await watched.ask("mark", "b");
  const changes = await watched.save("tasks/a.ts", "export default (n: number) => n + 2;");
  expect(changes).toMatchObject({
    added: [],
    reloaded: ["a@2"],
    removed: [],
    failures: [],
    all: ["a@2", "b@1"],
    files: [watched.path("tasks/a.ts")],
  });
  expect(await watched.run("a")).toBe(4);
  expect(await watched.ask("same", "b")).toBe(true);
});

test("a helper that three of four tasks share reloads those three, and is run once", async () => {
  const user = 'import { n } from "./_helper.ts";\nexport default () => n;';
  await using watched = await WatchedProject.of({
    "tasks/_helper.ts": 'globalThis.events.push("helper"); export const n: number = 1;',
    "tasks/a.ts": user,
    "tasks/b.ts": user,
    "tasks/c.ts": 'export { default } from "./b.ts";',
    "tasks/d.ts": "export default () => 0;",
  });
  await watched.load();
  expect(await watched.events()).toEqual(["helper"]);
  const changes = await watched.save(
    "tasks/_helper.ts",
    'globalThis.events.push("helper"); export const n: number = 2;',
  );
  expect(changes.reloaded).toEqual(["a@2", "b@2", "c@2"]);
  expect(await watched.events()).toEqual(["helper"]);
  expect(await watched.run("c")).toBe(2);
});

test("a broken save keeps the last good version, with a frame; mending it goes on", async () => {
  await using watched = await WatchedProject.of({ "tasks/a.ts": "export default () => 1;" });
  await watched.load();
  const broken = await watched.save("tasks/a.ts", "export default () => (;");
  expect(broken).toMatchObject({ reloaded: [], all: ["a@1"] });
  expect(broken.failures).toMatchObject([
    { code: "syntax-error", task: "a", file: watched.path("tasks/a.ts"), line: 1, column: 23 },
  ]);
  expect(broken.failures[0]?.frame).toContain("> 1 |");
  expect(await watched.run("a")).toBe(1);
  const mended = await watched.save("tasks/a.ts", "export default () => 2;");
  expect(mended).toMatchObject({ reloaded: ["a@2"], failures: [], allFailures: [] });
  expect(await watched.run("a")).toBe(2);
});

test("what can't be loaded is reported as by the native loader, and so are the tasks", async () => {
  const broken = brokenTasks.flatMap(({ files }, index) =>
    Object.entries(files).map(([path, text]) => [`tasks/case${index}/${path}`, text]),
  );
  await using watched = await WatchedProject.of(
    {
      ...Object.fromEntries(broken),
      ...variety,
      "tasks/hangs.ts": "const n = 1;\nawait new Promise(() => {});\nexport default () => n;",
    },
    { importTimeoutMs: 3_000 },
  );
  await watched.project.installPackages("zod");
  await watched.project.link("tasks/dangling.ts", "./gone.ts");
  const native = await watched.project.load({ importTimeoutMs: 3_000 });
  const own = await watched.load();
  expect(native.failures.length).toBeGreaterThan(brokenTasks.length);
  // Node explains this one at length, and only for modules that it loads itself.
  const plain = native.failures.map((failure) => ({
    ...failure,
    reason: failure.reason.replace(/ in ES module scope.*$/s, ""),
  }));
  expect(own.failures).toEqual(plain);
  expect(own.tasks).toEqual(native.tasks.map(({ output, ...task }) => task));
  for (const { name, output } of native.tasks)
    expect([name, await watched.run(name)]).toEqual([name, output]);
});

test("a link to itself beside a saved file keeps nothing from being loaded", async () => {
  await using watched = await WatchedProject.of({ "tasks/a.ts": "export default () => 1;" });
  await watched.load();
  await watched.project.link("tasks/self.ts", "self.ts");
  await watched.project.write("tasks/a.ts", "export default () => 2;");
  const changes = await watched.change("tasks/self.ts", "tasks/a.ts");
  expect(changes.reloaded).toEqual(["a@2"]);
  expect(changes.allFailures.map(({ code, file }) => [code, file])).toEqual([
    ["unreadable", watched.path("tasks/self.ts")],
  ]);
});

test("saving the same text again does nothing", async () => {
  await using watched = await WatchedProject.of({ "tasks/a.ts": "export default () => 1;" });
  await watched.load();
  const changes = await watched.save("tasks/a.ts", "export default () => 1;");
  expect(changes).toMatchObject({ reloaded: [], files: [], all: ["a@1"] });
});

test("files and folders that come and go bring and take their tasks", async () => {
  await using watched = await WatchedProject.of({ "tasks/a.ts": "export default () => 1;" });
  await watched.load();
  const added = await watched.save("tasks/sub/deep/b.ts", "export default () => 2;");
  expect(added).toMatchObject({
    added: ["sub/deep/b@1"],
    removed: [],
    all: ["a@1", "sub/deep/b@1"],
  });
  await watched.project.write("tasks/sub/c.ts", "export default () => 3;");
  expect((await watched.change("tasks/sub")).added).toEqual(["sub/c@1"]);
  const gone = await watched.delete("tasks/sub");
  expect(gone).toMatchObject({ removed: ["sub/c@1", "sub/deep/b@1"], all: ["a@1"] });
  await rename(watched.path("tasks/a.ts"), watched.path("tasks/z.ts"));
  const renamed = await watched.change("tasks/a.ts", "tasks/z.ts");
  expect(renamed).toMatchObject({ added: ["z@1"], removed: ["a@1"] });
  const emptied = await watched.delete("tasks");
  expect(emptied).toMatchObject({ removed: ["z@1"], all: [], failures: [{ code: "unreadable" }] });
  const back = await watched.save("tasks/z.ts", "export default () => 9;");
  expect(back).toMatchObject({ added: ["z@2"], failures: [], allFailures: [] });
  expect(await watched.run("z")).toBe(9);
});

test("a module that loops is ended and named, and the process goes on", async () => {
  const loop = "export const n: number = 1;\nwhile (n);\n";
  await using watched = await WatchedProject.of(
    {
      "tasks/_forever.ts": loop,
      "tasks/good.ts": "export default (n: number) => n * 2;",
      "tasks/loops.ts": 'import { n } from "./_forever.ts";\nexport default () => n;',
      "tasks/exits.ts": "process.exit(0);\nexport default () => 1;",
    },
    { importTimeoutMs: 2_000 },
  );
  const { tasks, failures } = await watched.load();
  expect(tasks.map(({ name }) => name)).toEqual(["good"]);
  expect(failures).toMatchObject([
    {
      code: "import-timeout",
      task: "loops",
      file: watched.path("tasks/_forever.ts"),
      line: 2,
      column: 1,
      reason: "its code held up everything for 2000 ms while it was imported, and was ended",
    },
    { code: "import-threw", task: "exits", line: 1, reason: expect.stringContaining("exit(0)") },
  ]);
  const mended = await watched.save("tasks/_forever.ts", "export const n: number = 5;");
  expect([mended.added, mended.allFailures.map(({ task }) => task)]).toEqual([
    ["loops@1"],
    ["exits"],
  ]);
  const broken = await watched.save("tasks/good.ts", "while (true);\nexport default () => 1;");
  expect(broken.failures).toMatchObject([{ task: "good", code: "import-timeout", line: 1 }]);
  expect(await watched.run("good")).toBe(4);
});

describe("a task is reloaded by a change of", () => {
  const importers = (specifier: string, rest = "") => ({
    "tasks/user.ts": `import * as it from ${JSON.stringify(specifier)}${rest};\nexport default () => it.default ?? it.n;`,
    "tasks/other.ts": "export default () => 0;",
  });
  test.each([
    {
      what: "JSON that it imports",
      files: { ...importers("../data.json", ' with { type: "json" }'), "data.json": "1" },
      path: "data.json",
      text: "2",
    },
    {
      what: "a file behind a tsconfig path",
      files: {
        ...importers("@/n"),
        "tsconfig.json": '{ "compilerOptions": { "paths": { "@/*": ["./source/*"] } } }',
        "source/n.ts": "export const n = 1;",
      },
      path: "source/n.ts",
      text: "export const n = 2;",
    },
    {
      what: "a file that it imports without an ending",
      files: { ...importers("../n"), "n/index.ts": "export const n = 1;" },
      path: "n/index.ts",
      text: "export const n = 2;",
    },
    {
      what: "CommonJS that it imports",
      files: { ...importers("../n.cjs"), "n.cjs": "module.exports = 1;" },
      path: "n.cjs",
      text: "module.exports = 2;",
    },
    {
      what: "CommonJS that its CommonJS requires",
      files: {
        ...importers("../n.cjs"),
        "n.cjs": "module.exports = require('./deep.cjs');",
        "deep.cjs": "module.exports = require('./deeper.json');",
        "deeper.json": "1",
      },
      path: "deeper.json",
      text: "2",
    },
    {
      what: "an ES module that its CommonJS requires",
      files: {
        "tasks/user.cjs": "const { n } = require('../n.ts');\nmodule.exports = () => n;",
        "tasks/other.ts": "export default () => 0;",
        "n.ts": "export const n: number = 1;",
      },
      path: "n.ts",
      text: "export const n: number = 2;",
    },
    {
      what: "an ES module that its CommonJS imports",
      files: {
        "tasks/user.cjs": "module.exports = async () => (await import('../n.ts')).n;",
        "tasks/other.ts": "export default () => 0;",
        "n.ts": "export const n: number = 1;",
      },
      path: "n.ts",
      text: "export const n: number = 2;",
    },
    {
      what: "a module that it imports dynamically",
      files: {
        "tasks/user.ts": 'export default async () => (await import("../n.ts")).n;',
        "tasks/other.ts": "export default () => 0;",
        "n.ts": "export const n = 1;",
      },
      path: "n.ts",
      text: "export const n = 2;",
    },
  ])("$what", async ({ files, path, text }) => {
    await using watched = await WatchedProject.of(files);
    expect((await watched.load()).failures).toEqual([]);
    expect(await watched.run("user")).toBe(1);
    const changes = await watched.save(path, text);
    expect(changes).toMatchObject({ reloaded: ["user@2"], all: ["other@1", "user@2"] });
    expect(await watched.run("user")).toBe(2);
    expect(await watched.ask("watchedFiles")).toContain(watched.path(path));
  });

  test("a workspace package", async () => {
    await using watched = await WatchedProject.of({
      "app/package.json": '{ "type": "module" }',
      "packages/shared/package.json": '{ "name": "shared", "type": "module", "exports": "./n.ts" }',
      "packages/shared/n.ts": "export const n = 1;",
      ...importers("shared"),
    });
    await watched.project.link("node_modules/shared", "../packages/shared");
    await watched.load();
    const changes = await watched.save("packages/shared/n.ts", "export const n = 2;");
    expect(changes.reloaded).toEqual(["user@2"]);
    expect(await watched.run("user")).toBe(2);
  });

  test("tsconfig.json and package.json, as all the others are", async () => {
    const paths = (to: string) => `{ "compilerOptions": { "paths": { "n": ["${to}"] } } }`;
    await using watched = await WatchedProject.of({
      ...importers("n"),
      "tsconfig.json": paths("./one.ts"),
      "one.ts": "export const n = 1;",
      "two.ts": "export const n = 2;",
    });
    await watched.load();
    const changes = await watched.save("tsconfig.json", paths("./two.ts"));
    expect(changes.all).toEqual(["other@2", "user@2"]);
    expect(await watched.run("user")).toBe(2);
    const typed = await watched.save("package.json", '{ "type": "module", "private": true }');
    expect(typed.all).toEqual(["other@3", "user@3"]);
  });
});

test("an import of a file that isn't there yet waits for it", async () => {
  await using watched = await WatchedProject.of({
    "tasks/a.ts": 'import { n } from "../lib/n";\nexport default () => n;',
  });
  const { failures } = await watched.load();
  expect(failures).toMatchObject([{ code: "missing-module", line: 1, column: 19 }]);
  expect(await watched.ask("watchedFiles")).toContain(watched.path("lib/n.ts"));
  const changes = await watched.save("lib/n.ts", "export const n = 4;");
  expect(changes).toMatchObject({ added: ["a@1"], allFailures: [] });
  const gone = await watched.delete("lib/n.ts");
  expect(gone).toMatchObject({
    reloaded: [],
    all: ["a@1"],
    failures: [{ code: "missing-module" }],
  });
  const back = await watched.save("lib/n/index.ts", "export const n = 5;");
  expect(back).toMatchObject({ reloaded: ["a@2"], allFailures: [] });
  expect(await watched.run("a")).toBe(5);
});

test("a folder's defaults and middleware reload the tasks beneath, without running them again", async () => {
  await using watched = await WatchedProject.of({
    "tasks/mail/send.ts": 'globalThis.events.push("run"); export default () => 1;',
    "tasks/mail/_defaults.ts": 'export default { timeout: "1s" };',
    "tasks/other.ts": "export default () => 1;",
  });
  await watched.load();
  const slower = await watched.save("tasks/mail/_defaults.ts", 'export default { timeout: "2s" };');
  expect(slower.all).toEqual(["mail/send@2", "other@1"]);
  const wrapped = await watched.save(
    "tasks/mail/_middleware.ts",
    "export default async (_: unknown, next: () => Promise<unknown>) => [await next()];",
  );
  expect(wrapped.all).toEqual(["mail/send@3", "other@1"]);
  expect(await watched.run("mail/send")).toEqual([1]);
  const broken = await watched.save("tasks/mail/_defaults.ts", "export default { timeout: ;");
  expect(broken.all).toEqual(["mail/send@3", "other@1"]);
  expect(broken.failures).toMatchObject([
    { file: watched.path("tasks/mail/_defaults.ts"), code: "syntax-error", line: 1 },
    { file: watched.path("tasks/mail/send.ts"), code: "syntax-error" },
  ]);
  const gone = await watched.delete("tasks/mail/_defaults.ts");
  expect(gone).toMatchObject({ all: ["mail/send@4", "other@1"], allFailures: [] });
  expect(await watched.events()).toEqual(["run"]);
});

test("new layers give every task a new version without running its module again", async () => {
  await using watched = await WatchedProject.of({
    "tasks/a.ts": 'globalThis.events.push("run"); export default () => 1;',
  });
  await watched.load();
  const layer = { source: "worker.config.ts", defaults: { timeout: "9s" }, middleware: [] };
  expect((await watched.setLayers([layer])).reloaded).toEqual(["a@2"]);
  expect(await watched.events()).toEqual(["run"]);
});

test("an import that hangs is given up, and a newer save does not wait for that", async () => {
  const hanging = "await new Promise(() => {});\nexport default () => 1;";
  await using watched = await WatchedProject.of(
    { "tasks/a.ts": "export default () => 0;", "tasks/b.ts": "export default () => 0;" },
    { importTimeoutMs: 2_000 },
  );
  await watched.load();
  const hung = await watched.save("tasks/a.ts", hanging);
  expect(hung).toMatchObject({
    all: ["a@1", "b@1"],
    failures: [{ code: "import-timeout", file: watched.path("tasks/a.ts"), line: 1, column: 1 }],
  });
  expect((await watched.save("tasks/a.ts", "export default () => 2;")).reloaded).toEqual(["a@2"]);

  await using patient = await WatchedProject.of(
    { "tasks/a.ts": "export default () => 0;" },
    { importTimeoutMs: 50_000 },
  );
  await patient.load();
  await patient.project.write("tasks/a.ts", `globalThis.started?.();\n${hanging}`);
  const started = patient.ask("whenStarted");
  const first = patient.change("tasks/a.ts");
  await started;
  const second = await patient.save("tasks/a.ts", "export default () => 3;");
  expect(await first).toMatchObject({ reloaded: [], failures: [] });
  expect(second).toMatchObject({ reloaded: ["a@2"], failures: [] });
  expect(await patient.run("a")).toBe(3);
});

test("closing does not wait for an import that hangs", async () => {
  await using watched = await WatchedProject.of(
    { "tasks/a.ts": "export default () => 0;" },
    { importTimeoutMs: 50_000 },
  );
  await watched.load();
  const started = watched.ask("whenStarted");
  const hanging = watched.save("tasks/a.ts", "globalThis.started();\nawait new Promise(() => {});");
  await started;
  await watched.ask("close");
  expect(await hanging).toMatchObject({ all: ["a@1"], failures: [] });
});

test("two tasks that claim one name: the last good versions stay until it is settled", async () => {
  const named = (alias: string, n: number) =>
    `export default { aliases: ["${alias}"], handler: () => ${n} };`;
  await using watched = await WatchedProject.of({
    "tasks/a.ts": named("x", 1),
    "tasks/b.ts": named("y", 1),
  });
  await watched.load();
  const clash = await watched.save("tasks/b.ts", named("x", 2));
  expect(clash).toMatchObject({ reloaded: [], all: ["a@1", "b@1"] });
  expect(clash.failures).toMatchObject([{ code: "duplicate-name", task: "b" }]);
  const settled = await watched.save("tasks/a.ts", named("z", 2));
  expect(settled).toMatchObject({ all: ["a@2", "b@2"], allFailures: [] });
  const twin = await watched.save("tasks/a.js", "export default () => 9;");
  expect(twin.all).toEqual(["a@2", "b@2"]);
  expect(twin.failures.map(({ code }) => code)).toEqual(["duplicate-name", "duplicate-name"]);
  await watched.save("tasks/a.ts", "export default () => 3;");
  const alone = await watched.delete("tasks/a.js");
  expect(alone).toMatchObject({ reloaded: ["a@3"], allFailures: [] });
});

test("a file that is empty for a moment is read when it has text again", async () => {
  await using watched = await WatchedProject.of({ "tasks/a.ts": "export default () => 1;" });
  await watched.load();
  const text = "export default () => 2;";
  const changes = await watched.ask("saveInTwoSteps", watched.path("tasks/a.ts"), text);
  expect(changes).toMatchObject({ reloaded: ["a@2"], failures: [] });
});

test("taskrun and packages are those of the process, once, also after a reload", async () => {
  const task = (n: number) =>
    `import * as taskrun from "taskrun";\nimport { z } from "zod";\nimport pg from "pg";\nglobalThis.zods ??= new Set();\nglobalThis.zods.add(z).add(pg);\nexport default () => [${n}, taskrun.defineTask === globalThis.host.defineTask, globalThis.zods.size];`;
  await using watched = await WatchedProject.of({ "tasks/a.ts": task(1) });
  await watched.project.installPackages("zod", "pg");
  expect((await watched.load()).failures).toEqual([]);
  expect(await watched.run("a")).toEqual([1, true, 2]);
  await watched.save("tasks/a.ts", task(2));
  expect(await watched.run("a")).toEqual([2, true, 2]);
});

test("stacks name the lines that were written, of the version that runs", async () => {
  const task = (lines: number) =>
    `enum A { B }\n${"interface Gone {\n  a: A;\n}\n".repeat(lines)}export default () => {\n  throw new Error("late");\n};`;
  await using watched = await WatchedProject.of({
    "tasks/mapped.ts": task(1),
    "tasks/plain.ts":
      'interface A {\n  b: string;\n}\nexport default () => {\n  throw new Error("late") as A & Error;\n};',
  });
  await watched.load();
  expect(await watched.run("plain")).toContain(`${watched.path("tasks/plain.ts")}:5:9`);
  await watched.ask("acquire", "mapped", "old");
  await watched.save("tasks/mapped.ts", task(3));
  expect(await watched.run("mapped")).toContain(`${watched.path("tasks/mapped.ts")}:12:9`);
  expect(await watched.ask("runHeld", "old")).toContain(`${watched.path("tasks/mapped.ts")}:6:9`);
});

describe("what a module gave to onDispose is called", () => {
  const opens = (name: string, rest = "") =>
    `import { onDispose } from "taskrun";\nonDispose(() => { globalThis.events.push("${name}"); });\n${rest}`;

  test("at once when no attempt is on the old version", async () => {
    await using watched = await WatchedProject.of({
      "tasks/a.ts": opens("a1", 'import "./_shared.ts";\nexport default () => 1;'),
      "tasks/b.ts": 'import "./_shared.ts";\nexport default () => 1;',
      "tasks/_shared.ts": opens("shared"),
    });
    await watched.load();
    await watched.save(
      "tasks/a.ts",
      opens("a2", 'import "./_shared.ts";\nexport default () => 2;'),
    );
    expect(await watched.events()).toEqual(["a1"]);
    await watched.delete("tasks/a.ts");
    expect(await watched.events()).toEqual(["a2"]);
    await watched.save("tasks/b.ts", "export default () => 2;");
    expect(await watched.events()).toEqual(["shared"]);
  });

  test("once the attempts on the old version have ended, for all that it imports", async () => {
    await using watched = await WatchedProject.of({
      "tasks/a.ts": opens("a", 'import { n } from "./_dep.ts";\nexport default () => n;'),
      "tasks/_dep.ts": opens("dep1", "export const n = 1;"),
    });
    await watched.load();
    await watched.ask("acquire", "a", "first");
    await watched.ask("acquire", "a", "second");
    await watched.save("tasks/_dep.ts", opens("dep2", "export const n = 2;"));
    expect(await watched.events()).toEqual([]);
    expect(await watched.ask("runHeld", "first")).toBe(1);
    expect(await watched.run("a")).toBe(2);
    await watched.ask("release", "first");
    expect(await watched.events()).toEqual([]);
    await watched.ask("release", "second");
    expect((await watched.events()).sort()).toEqual(["a", "dep1"]);
  });

  test("for a module that was imported dynamically, while the one that did is in use", async () => {
    const task = (n: number) => `export default async () => (await import("./_lazy.ts")).n + ${n};`;
    await using watched = await WatchedProject.of({
      "tasks/a.ts": task(0),
      "tasks/_lazy.ts": opens("lazy", "export const n = 1;"),
    });
    await watched.load();
    await watched.run("a");
    await watched.ask("acquire", "a", "old");
    await watched.save("tasks/a.ts", task(1));
    expect(await watched.events()).toEqual([]);
    expect(await watched.ask("runHeld", "old")).toBe(1);
    await watched.ask("release", "old");
    expect(await watched.events()).toEqual(["lazy"]);
    expect(await watched.run("a")).toBe(2);
  });

  test("of the module that registered it, after a top-level await too", async () => {
    await using watched = await WatchedProject.of({
      "tasks/a.ts": `import { ready } from "./_slow.ts";\n${opens("a", "export default () => ready;")}`,
      "tasks/_slow.ts": `await Promise.resolve();\nexport const ready = true;\n${opens("slow")}`,
      "tasks/b.ts": 'import { ready } from "./_slow.ts";\nexport default () => ready;',
      "tasks/c.cjs": `const { onDispose } = require("taskrun");\nonDispose(() => globalThis.events.push("c"));\nmodule.exports = () => 1;`,
    });
    expect((await watched.load()).failures).toEqual([]);
    await watched.save("tasks/a.ts", "export default () => 2;");
    expect(await watched.events()).toEqual(["a"]);
    await watched.save("tasks/c.cjs", "module.exports = () => 2;");
    expect(await watched.events()).toEqual(["c"]);
  });

  test("in the order of closing, for a broken version too, and at the end for all", async () => {
    await using watched = await WatchedProject.of({
      "tasks/a.ts": `import { onDispose } from "taskrun";\nonDispose(() => globalThis.events.push("first"));\nonDispose(() => globalThis.events.push("second"));\nonDispose(() => { throw new Error("late"); });\nexport default () => 1;`,
    });
    await watched.load();
    await watched.save("tasks/a.ts", opens("broken", 'throw new Error("no");'));
    expect(await watched.events()).toEqual(["broken"]);
    await watched.ask("close");
    expect(await watched.events()).toEqual(["second", "first"]);
    expect(await watched.ask("disposeErrors")).toEqual([
      `${watched.path("tasks/a.ts")}: Error: late`,
    ]);
  });
});

test("a kept value survives reloads and is disposed of at the end, by the newest function", async () => {
  const task = (n: number) =>
    `import { keep } from "taskrun";\nconst db = keep("db", () => ({ opened: ${n} }), () => { globalThis.events.push("closed by ${n}"); });\nexport default () => db.opened;`;
  await using watched = await WatchedProject.of({ "tasks/a.ts": task(1) });
  await watched.load();
  await watched.save("tasks/a.ts", task(2));
  expect(await watched.run("a")).toBe(1);
  expect(await watched.events()).toEqual([]);
  await watched.ask("close");
  expect(await watched.events()).toEqual(["closed by 2"]);
});

describe("modules run in the order in which they are imported", () => {
  test.each([
    { how: "one by one", wait: "" },
    { how: "with an await at the top of the first", wait: "await null;\n" },
  ])("$how", async ({ wait }) => {
    const note = (name: string, rest = "") => `${rest}\nglobalThis.events.push("${name}");`;
    await using watched = await WatchedProject.of({
      "tasks/a.ts": note("a", 'import "./_p.ts";\nimport "./_q.ts";\nexport default () => 1;'),
      "tasks/_p.ts": note("p", `import "./_r.ts";\n${wait}`),
      "tasks/_q.ts": note("q", 'import "./_ring.ts";'),
      "tasks/_r.ts": note("r"),
      "tasks/_ring.ts": note("ring", 'import { s } from "./_ring2.ts";\nexport const r = () => s;'),
      "tasks/_ring2.ts": note(
        "ring2",
        'import { r } from "./_ring.ts";\nexport const s = () => r;',
      ),
    });
    const script = `globalThis.events = [];\nawait import("./tasks/a.ts");\nprocess.stdout.write(JSON.stringify(globalThis.events));`;
    await watched.project.write("native.ts", script);
    const { stdout } = await promisify(execFile)(process.execPath, [watched.path("native.ts")]);
    expect((await watched.load()).failures).toEqual([]);
    expect(await watched.events()).toEqual(JSON.parse(stdout));
  });
});

test("old code is freed, and the heap does not grow with reloads", async () => {
  const task = (n: number) =>
    `import { n } from "./_dep.ts";\nimport { onDispose } from "taskrun";\nimport * as path from "node:path";\nconst held = new Array(20_000).fill(${n});\nonDispose(() => held.length);\nexport default async () => held[0] + n + (await import("./_lazy.ts")).n + path.sep.length;`;
  await using watched = await WatchedProject.of({
    "tasks/a.ts": task(0),
    "tasks/_dep.ts": "export const n = 0;",
    "tasks/_lazy.ts": "export const n = 0;",
    "tasks/b.ts": 'import { n } from "./_dep.ts";\nexport default () => n;',
  });
  await watched.load();
  const reload = async (rounds: number): Promise<Collected> => {
    for (let round = 1; round <= rounds; round += 1) {
      await watched.ask("watchHandler", "a");
      await watched.save("tasks/a.ts", task(round));
      expect(await watched.run("a")).toBe(round + 1);
    }
    return watched.ask("collect");
  };
  const warm = await reload(30);
  expect(warm.collected).toBeGreaterThanOrEqual(29);
  const after = await reload(200);
  expect(after.collected).toBeGreaterThanOrEqual(229);
  // Half a kilobyte of each old version would be more; V8 notes some for what it compiles.
  expect(after.objects - warm.objects).toBeLessThan(100_000);
});

interface Collected {
  readonly collected: number;
  readonly objects: number;
  readonly rss: number;
}

test("without the flag for Node it says that it isn't available, and nothing breaks", async () => {
  const module = pathToFileURL(resolve("src/dev/graph-loader.ts"));
  const script = `process.stdout.write(String((await import("${module}")).GraphLoader.isAvailable()))`;
  const available = async (...flags: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [...flags, "--input-type=module", "-e", script]))
      .stdout;
  expect(await available()).toBe("false");
  expect(await available("--experimental-vm-modules")).toBe("true");
});
