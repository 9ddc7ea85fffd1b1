import { expect, test } from "vitest";
import { resolveTask } from "../../src/core/resolve-task.ts";
import type { Task } from "../../src/core/task.ts";
import { TaskRegistry } from "../../src/runtime/task-registry.ts";

function task(name: string, aliases: string[] = [], version = 1): Task {
  const definition = { aliases, handler: async () => null };
  return resolveTask(definition, { name, file: `/p/tasks/${name}.ts`, version, layers: [] });
}

const catalogOf = (...tasks: Task[]) => ({
  tasks: new Map(tasks.map((each) => [each.name, each])),
  failures: [],
});

test("a task is found by its name and by each alias", () => {
  const registry = new TaskRegistry();
  const mail = task("mail", ["mail:send", "post"]);
  registry.publish(catalogOf(mail));
  for (const name of ["mail", "mail:send", "post"]) expect(registry.find(name)).toBe(mail);
  expect(registry.find("other")).toBeUndefined();
  expect(registry.names().sort()).toEqual(["mail", "mail:send", "post"]);
});

test("a task's own name wins over another's alias", () => {
  const registry = new TaskRegistry();
  const own = task("post");
  registry.publish(catalogOf(own, task("mail", ["post"])));
  expect(registry.find("post")).toBe(own);
});

test("publishing replaces everything at once and raises the revision", () => {
  const registry = new TaskRegistry();
  registry.publish(catalogOf(task("a"), task("b")));
  const { revision } = registry;
  const next = task("a", [], 2);
  registry.publish(catalogOf(next));
  expect(registry.find("a")).toBe(next);
  expect(registry.find("b")).toBeUndefined();
  expect(registry.revision).toBeGreaterThan(revision);
});
