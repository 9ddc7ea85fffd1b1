import { readFile, stat } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Catalog, LoadFailure } from "../../src/core/catalog.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import { writeTaskTypes } from "../../src/dev/write-task-types.ts";
import { TaskProject } from "../support/task-project.ts";

function catalogOf(project: TaskProject, files: string[], failures: LoadFailure[] = []): Catalog {
  const tasks = files.map((path) => {
    const name = path.replace(/\.\w+$/, "");
    const file = project.path(`tasks/${path}`);
    return resolveTask(() => 1, { name, file, version: 1, layers: [] });
  });
  return { tasks: new Map(tasks.map((task) => [task.name, task])), failures };
}

async function entries(project: TaskProject): Promise<string[]> {
  const text = await readFile(project.path("taskrun-env.d.ts"), "utf8");
  return text.match(/^ {4}".*$/gm) ?? [];
}

test("the file is written only when it changes", async () => {
  await using project = await TaskProject.of({});
  const projectDir = project.dir;
  const one = { projectDir, catalog: catalogOf(project, ["a.ts"]) };
  expect(await writeTaskTypes(one)).toMatchObject({ changed: true, taskCount: 1 });
  const { ino, mtimeMs } = await stat(project.path("taskrun-env.d.ts"));
  expect(await writeTaskTypes(one)).toMatchObject({ changed: false });
  expect(await stat(project.path("taskrun-env.d.ts"))).toMatchObject({ ino, mtimeMs });
  const two = { projectDir, catalog: catalogOf(project, ["b.ts", "a.ts"]) };
  expect(await writeTaskTypes({ ...two, write: false })).toMatchObject({ changed: true });
  expect(await entries(project)).toHaveLength(1);
  expect(await writeTaskTypes(two)).toMatchObject({ changed: true });
  expect(await entries(project)).toHaveLength(2);
});

test("a file that can't be loaded just now keeps its entry, one that is no task has none", async () => {
  await using project = await TaskProject.of({});
  const failure = (task: string, code: LoadFailure["code"]): LoadFailure => {
    const file = project.path(`tasks/${task}.ts`);
    return { code, task, file, line: 1, column: 1, reason: "", fix: "", frame: null };
  };
  const failures = [failure("half", "syntax-error"), failure("none", "no-default-export")];
  await writeTaskTypes({ projectDir: project.dir, catalog: catalogOf(project, [], failures) });
  expect(await entries(project)).toEqual([
    '    "half": TaskEntry<typeof import("./tasks/half.ts")["default"]>;',
  ]);
});

test("JavaScript is imported only where the tsconfig allows it", async () => {
  await using project = await TaskProject.of({ "tsconfig.json": "{}" });
  const options = {
    projectDir: project.dir,
    catalog: catalogOf(project, ["a.js", "b.cjs", "c.mts"]),
  };
  await writeTaskTypes(options);
  const untyped = "{ readonly input: unknown; readonly output: unknown };";
  expect(await entries(project)).toEqual([
    `    "a": ${untyped}`,
    `    "b": ${untyped}`,
    '    "c": TaskEntry<typeof import("./tasks/c.mts")["default"]>;',
  ]);
  await project.write("tsconfig.json", '{ "compilerOptions": { "allowJs": true } }');
  await writeTaskTypes(options);
  expect((await entries(project))[0]).toContain('import("./tasks/a.js")');
});
