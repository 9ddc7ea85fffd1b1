import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { planProject } from "../../../src/cli/scaffold/plan-project.ts";
import { TaskProject } from "../../support/task-project.ts";

test("a plan writes nothing", async () => {
  await using project = await TaskProject.of({});
  const { files } = await planProject(project.dir);
  expect(new Set(files.map(({ action }) => action))).toEqual(new Set(["create"]));
  expect(await readdir(project.dir)).toEqual([]);
});

test("a project that tests with something else gets the first task, and no test of ours", async () => {
  await using project = await TaskProject.of({
    "package.json": '{"scripts":{"test":"jest"}}',
    "tasks/_defaults.ts": "export default {};",
  });
  const { files } = await planProject(project.dir, { bringsNode: true });
  expect(files.map(({ path, action }) => `${action} ${path}`)).toEqual([
    "change package.json",
    "create tsconfig.json",
    "create crontab",
    "create worker.config.ts",
    "create .gitignore",
    "create tasks/hello.ts",
  ]);
});

test("the compiler options fit a package that is no ES module", async () => {
  await using project = await TaskProject.of({ "package.json": "{}" });
  const { files } = await planProject(project.dir);
  const tsconfig = files.find(({ path }) => path === "tsconfig.json");
  expect(JSON.parse(tsconfig?.text ?? "").compilerOptions).not.toHaveProperty(
    "verbatimModuleSyntax",
  );
});
