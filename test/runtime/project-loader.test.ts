import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { configLayers, createProjectLoader } from "../../src/runtime/project-loader.ts";
import { TaskProject } from "../support/task-project.ts";

async function projectConfig(files: Record<string, string>) {
  const project = await TaskProject.of(files);
  const { config } = await loadConfig({ folder: project.dir, environment: {} });
  return { project, config, [Symbol.asyncDispose]: () => project[Symbol.asyncDispose]() };
}

test("the loader has the project's tasks, the config's layer around them", async () => {
  await using made = await projectConfig({
    "jobs/a.mjs": "export default async () => 1;",
    "jobs/b.mjs": "export default async () => 2;",
    "worker.config.mjs": 'export default { tasks: "jobs", defaults: { timeout: "7m" } };',
  });
  const loader = createProjectLoader(made.config);
  const { tasks } = await loader.load();
  await loader.close();
  expect([...tasks.keys()]).toEqual(["a", "b"]);
  expect(tasks.get("a")?.policies.timeoutMs).toBe(420_000);
  expect(tasks.get("a")?.sources.timeoutMs).toBe("worker.config.mjs");
});

test("one task is loaded without the others", async () => {
  await using made = await projectConfig({
    "tasks/a.mjs": "export default async () => 1;",
    "tasks/b.mjs": "throw new Error('never asked for');",
  });
  const loader = createProjectLoader(made.config, { only: "a" });
  const { tasks, failures } = await loader.load();
  await loader.close();
  expect([...tasks.keys()]).toEqual(["a"]);
  expect(failures).toEqual([]);
});

test("without a config file its usual name stands for the defaults", async () => {
  await using made = await projectConfig({ "tasks/a.mjs": "export default async () => 1;" });
  expect(configLayers(made.config)).toMatchObject([{ source: "worker.config.ts" }]);
});
