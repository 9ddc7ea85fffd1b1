import { expect, test } from "vitest";
import { loadTasks } from "../../src/cli/load-tasks.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { TaskProject } from "../support/task-project.ts";

test("the config's defaults and middleware apply to every task, under the file's name", async () => {
  await using project = await TaskProject.of({
    "tasks/a.mjs": "export default async () => 1;",
    "tasks/b.mjs": "export default (",
    "worker.config.mjs":
      'export default { defaults: { timeout: "7m" }, middleware: [(ctx, next) => next()] };',
  });
  const { config } = await loadConfig({ folder: project.dir, environment: {} });
  const catalog = await loadTasks(config);
  const task = catalog.tasks.get("a");
  expect(task?.policies.timeoutMs).toBe(420_000);
  expect(task?.sources.timeoutMs).toBe("worker.config.mjs");
  expect(task?.middleware).toHaveLength(1);
  expect(catalog.failures.map(({ file }) => file)).toEqual([project.path("tasks/b.mjs")]);
});
