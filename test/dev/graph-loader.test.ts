import { expect, test } from "vitest";
import { WatchedProject } from "../support/watched-project.ts";

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
