import { expect, test } from "vitest";
import { resolveTask } from "../../src/core/resolve-task.ts";
import { assembleCatalog } from "../../src/discovery/assemble-catalog.ts";
import { loadFailure } from "../../src/discovery/load-failure.ts";

const task = (name: string, aliases: string[] = []) =>
  resolveTask(
    { aliases, handler: () => 1 },
    { name, file: `/p/tasks/${name}.ts`, version: 1, layers: [] },
  );
const failure = (file: string, line: number) =>
  loadFailure({
    code: "import-threw",
    task: null,
    file,
    reason: "r",
    fix: "f",
    place: { line, column: 1 },
  });

test("tasks are sorted by name, failures by place", () => {
  const { failures, tasks } = assembleCatalog(
    [task("b"), failure("/z", 1), failure("/a", 9), task("a/b"), failure("/a", 2), task("B")],
    (file) => file,
  );
  expect([...tasks.keys()]).toEqual(["B", "a/b", "b"]);
  expect(failures.map(({ file, line }) => `${file}:${line}`)).toEqual(["/a:2", "/a:9", "/z:1"]);
});

test("tasks whose names clash are failures instead", () => {
  const { failures, tasks } = assembleCatalog(
    [task("a", ["x"]), task("b", ["x"]), task("c")],
    (file) => file,
  );
  expect([...tasks.keys()]).toEqual(["c"]);
  expect(failures.map(({ task: name }) => name)).toEqual(["a", "b"]);
});
