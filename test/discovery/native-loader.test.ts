import { expect, test } from "vitest";
import { NativeLoader, sourcePath } from "../../src/discovery/native-loader.ts";
import { TaskProject } from "../support/task-project.ts";

const esm = JSON.stringify({ type: "module" });

test("loads 500 files", async () => {
  const files = Array.from({ length: 500 }, (_, n) => [
    `tasks/group${n % 7}/t${n}.ts`,
    `interface P { n: number }\nexport default (p: number): number => p + ${n};`,
  ]);
  await using project = await TaskProject.of({ "package.json": esm, ...Object.fromEntries(files) });
  const { failures, tasks } = await project.load();
  expect(failures).toEqual([]);
  expect(tasks).toHaveLength(500);
  expect(tasks.find(({ name }) => name === "group0/t7")?.output).toBe(9);
});

test("broken files of every kind leave the others alone, and the lists are sorted", async () => {
  await using project = await TaskProject.of({
    "package.json": esm,
    "tasks/z.ts": "export default () => 1;",
    "tasks/m/n.ts": "export default () => 1;",
    "tasks/a.ts": "export default () => 1;",
    "tasks/bad name.ts": "",
    "tasks/empty.ts": "",
    "tasks/number.ts": "export default 5;",
    "tasks/syntax.ts": "export default (;",
    "tasks/throws.ts": "throw 1;",
    "tasks/missing.ts": 'import "./nowhere.ts";',
    "tasks/hangs.ts": "await new Promise(() => {});",
  });
  await project.link("tasks/dangling.ts", "./gone.ts");
  const { failures, names } = await project.load({ importTimeoutMs: 2_000 });
  expect(names).toEqual(["a", "m/n", "z"]);
  expect(
    failures.map(({ code, file }) => [file.slice(project.path("tasks/").length), code]),
  ).toEqual([
    ["bad name.ts", "bad-name"],
    ["dangling.ts", "unreadable"],
    ["empty.ts", "no-default-export"],
    ["hangs.ts", "import-timeout"],
    ["missing.ts", "missing-module"],
    ["number.ts", "bad-definition"],
    ["syntax.ts", "syntax-error"],
    ["throws.ts", "import-threw"],
  ]);
});

test("a project without a tasks folder has an empty catalog and one failure", async () => {
  await using project = await TaskProject.of({ "package.json": esm });
  const { failures, tasks } = await project.load();
  expect(tasks).toEqual([]);
  expect(failures).toMatchObject([{ code: "unreadable", file: project.path("tasks") }]);
});

test("the config's layers apply outside the folders'", async () => {
  await using project = await TaskProject.of({ "package.json": esm });
  const loader = new NativeLoader({
    projectDir: project.dir,
    tasksDir: project.path("tasks"),
    importTimeoutMs: 20_000,
    layers: [{ source: "worker.config.ts", defaults: { timeout: "9s" }, middleware: [] }],
  });
  await project.write("tasks/x.mjs", "export default { priority: 3, handler: () => 1 };");
  const { tasks } = await loader.load();
  await loader.close();
  expect(tasks.get("x")).toMatchObject({
    policies: { timeoutMs: 9000, priority: 3 },
    sources: { timeoutMs: "worker.config.ts", priority: "tasks/x.mjs" },
  });
});

test("files are named relative to the project, unless they are outside", () => {
  expect(sourcePath("/p", "/p/tasks/a.ts")).toBe("tasks/a.ts");
  expect(sourcePath("/p", "/q/tasks/a.ts")).toBe("/q/tasks/a.ts");
  expect(sourcePath("/p", "/p/..odd.ts")).toBe("..odd.ts");
});

test("a second load finds the files that came since", async () => {
  await using project = await TaskProject.of({ "tasks/a.mjs": "export default () => 1;" });
  const loader = new NativeLoader({
    projectDir: project.dir,
    tasksDir: project.path("tasks"),
    importTimeoutMs: 20_000,
    layers: [],
  });
  expect([...(await loader.load()).tasks.keys()]).toEqual(["a"]);
  await project.write("tasks/b.mjs", "export default () => 1;");
  expect([...(await loader.load()).tasks.keys()]).toEqual(["a", "b"]);
  await loader.close();
});

test("a project and files behind links load, and failures keep the paths that were given", async () => {
  await using real = await TaskProject.of({
    "package.json": esm,
    "elsewhere/typed.ts": 'import { T, n } from "./_dep.ts";\nexport default (x: T) => x + n;',
    "elsewhere/_dep.ts": "export type T = number;\nexport const n = 3;",
    "elsewhere/bad.ts": "export default (;",
    "tasks/_broken.ts": "const a = 1;\nconst a = 2;",
    "tasks/user.ts": 'import "./_broken.ts";\nexport default () => 1;',
  });
  await real.link("tasks/linked.ts", "../elsewhere/typed.ts");
  await real.link("tasks/bad.ts", "../elsewhere/bad.ts");
  await using outer = await TaskProject.of({});
  await outer.link("project", real.dir);
  const { failures, tasks } = await outer.load({ projectDir: outer.path("project") });
  expect(tasks).toMatchObject([
    { name: "linked", file: outer.path("project/tasks/linked.ts"), output: 5 },
  ]);
  expect(failures).toMatchObject([
    { task: "user", file: outer.path("project/tasks/_broken.ts"), line: 2, column: 7 },
    { task: "bad", file: outer.path("project/tasks/bad.ts"), line: 1, column: 17 },
  ]);
});
