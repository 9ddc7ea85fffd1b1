import { expect, test } from "vitest";
import { placeOf, projectFolders } from "../../src/client/project-folder.ts";
import { TaskProject } from "../support/task-project.ts";

const files = {
  "package.json": "{}",
  "a/worker.config.mjs": 'export default { tasks: "jobs" };',
  "a/jobs/x.ts": "",
  "b/package.json": "{}",
  "b/tasks/deep/y.ts": "",
};

test("projects are where a config file is, then where package.json is", async () => {
  await using project = await TaskProject.of(files);
  const [a, b] = [project.path("a"), project.path("b")];
  expect(projectFolders([project.path("b/tasks/y.ts"), project.path("a/jobs/x.ts")])).toEqual(
    expect.arrayContaining([a, b, project.dir]),
  );
  expect(projectFolders([project.path("b/tasks/y.ts"), project.path("a/jobs/x.ts")])[0]).toBe(a);
});

test("a task is of the project whose tasks folder has its file, whoever else was involved", async () => {
  await using project = await TaskProject.of(files);
  const y = [project.path("b/tasks/deep/y.ts"), project.path("a/define.ts")];
  expect(await placeOf(y)).toMatchObject({
    name: "deep/y",
    config: { projectDir: project.path("b") },
  });
  expect(await placeOf([project.path("a/define.ts"), project.path("a/jobs/x.ts")])).toMatchObject({
    name: "x",
    config: { projectDir: project.path("a") },
  });
  expect(await placeOf([project.path("c/tasks.ts")])).toBeNull();
  expect(await placeOf([])).toBeNull();
});
