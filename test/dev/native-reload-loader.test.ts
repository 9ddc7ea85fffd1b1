import { expect, test } from "vitest";
import { WatchedProject } from "../support/watched-project.ts";

const flags = false;

test("a saved task and a shared helper reload exactly the tasks that use them", async () => {
  const user = (n: number) => `import { n } from "./_helper";\nexport default () => n + ${n};`;
  await using watched = await WatchedProject.of(
    {
      "tasks/_helper.ts": "enum A { B = 1 }\nexport const n: number = A.B;",
      "tasks/a.ts": user(0),
      "tasks/b.ts": user(10),
      "tasks/c.cjs": "const n = require('../n.cjs');\nmodule.exports = () => n;",
      "n.cjs": "module.exports = 1;",
      "tasks/d.ts": "export default () => 0;",
      "tasks/e.ts": 'export default async () => (await import("../lazy.ts")).n;',
      "lazy.ts": "export const n = 1;",
    },
    { flags },
  );
  expect((await watched.load()).failures).toEqual([]);
  await watched.ask("mark", "d");
  expect((await watched.save("tasks/a.ts", user(5))).reloaded).toEqual(["a@2"]);
  expect(await watched.run("a")).toBe(6);
  const helper = "enum A { B = 2 }\nexport const n: number = A.B;";
  expect((await watched.save("tasks/_helper.ts", helper)).reloaded).toEqual(["a@3", "b@2"]);
  expect([await watched.run("a"), await watched.run("b")]).toEqual([7, 12]);
  expect(await watched.run("c")).toBe(1);
  expect((await watched.save("n.cjs", "module.exports = 2;")).reloaded).toEqual(["c@2"]);
  expect(await watched.run("c")).toBe(2);
  expect(await watched.run("e")).toBe(1);
  expect((await watched.save("lazy.ts", "export const n = 2;")).reloaded).toEqual(["e@2"]);
  expect(await watched.run("e")).toBe(2);
  expect(await watched.ask("same", "d")).toBe(true);
  expect((await watched.save("tasks/d.ts", "export default () => 0;")).reloaded).toEqual([]);
});

test("a broken save keeps the last good version, with a frame, until it is mended", async () => {
  await using watched = await WatchedProject.of(
    { "tasks/a.ts": "export default () => 1;" },
    { flags, importTimeoutMs: 2_000 },
  );
  await watched.load();
  const broken = await watched.save("tasks/a.ts", "export default () => (;");
  expect(broken).toMatchObject({
    all: ["a@1"],
    failures: [{ code: "syntax-error", file: watched.path("tasks/a.ts"), line: 1, column: 23 }],
  });
  const hangs = await watched.save("tasks/a.ts", "await new Promise(() => {});");
  expect(hangs).toMatchObject({ all: ["a@1"], failures: [{ code: "import-timeout" }] });
  const missing = await watched.save("tasks/a.ts", 'export { default } from "../lib/n";');
  expect(missing).toMatchObject({ all: ["a@1"], failures: [{ code: "missing-module" }] });
  expect(await watched.run("a")).toBe(1);
  const mended = await watched.save("lib/n.ts", "export default () => 2;");
  expect(mended).toMatchObject({ reloaded: ["a@2"], allFailures: [] });
  expect(await watched.run("a")).toBe(2);
});

test("new paths in tsconfig.json hold, and tasks come and go", async () => {
  const paths = (to: string) => `{ "compilerOptions": { "paths": { "n": ["${to}"] } } }`;
  await using watched = await WatchedProject.of(
    {
      "tsconfig.json": paths("./one.ts"),
      "one.ts": "export default () => 1;",
      "two.ts": "export default () => 2;",
      "tasks/a.ts": 'export { default } from "n";',
    },
    { flags },
  );
  await watched.load();
  expect((await watched.save("tsconfig.json", paths("./two.ts"))).reloaded).toEqual(["a@2"]);
  expect(await watched.run("a")).toBe(2);
  expect((await watched.save("tasks/b.ts", "export default () => 3;")).added).toEqual(["b@1"]);
  expect((await watched.delete("tasks/a.ts")).removed).toEqual(["a@2"]);
});

test("what modules keep is kept, and what they open is left to the process", async () => {
  const task = (n: number) =>
    `import { keep, onDispose } from "taskrun";\nonDispose(() => globalThis.events.push("disposed"));\nconst kept = keep("k", () => ({ by: ${n} }));\nexport default () => kept.by;`;
  await using watched = await WatchedProject.of({ "tasks/a.ts": task(1) }, { flags });
  await watched.load();
  await watched.save("tasks/a.ts", task(2));
  expect(await watched.run("a")).toBe(1);
  expect(await watched.events()).toEqual([]);
});
