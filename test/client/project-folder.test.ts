import { expect, test } from "vitest";
import { projectFolder } from "../../src/client/project-folder.ts";
import { TaskProject } from "../support/task-project.ts";

test("a project is where the config file is, else where package.json is", async () => {
  await using project = await TaskProject.of({
    "package.json": "{}",
    "a/worker.config.ts": "",
    "a/tasks/package.json": "{}",
    "b/package.json": "{}",
  });
  expect(projectFolder([project.path("a/tasks/x.ts")])).toBe(project.path("a"));
  expect(projectFolder([project.path("b/tasks/x.ts")])).toBe(project.path("b"));
  expect(projectFolder([project.path("c/x.ts")])).toBe(project.dir);
  expect(projectFolder([project.path("b/x.ts"), project.path("a/x.ts")])).toBe(project.path("a"));
  expect(projectFolder([])).toBe(process.cwd());
});
