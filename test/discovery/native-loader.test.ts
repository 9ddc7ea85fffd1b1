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
  const { failures, names } = await project.load({ importTimeoutMs: 300 });
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
    importTimeoutMs: 1000,
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
