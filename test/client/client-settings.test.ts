import { expect, test } from "vitest";
import { ClientSettings } from "../../src/client/client-settings.ts";
import { TaskProject } from "../support/task-project.ts";

test("what is given is taken without a look at any file", async () => {
  const given = { connectionString: "postgresql://h/d", schema: "q", project: "/nowhere" };
  const settings = new ClientSettings(given);
  expect(await settings.connectionString()).toBe("postgresql://h/d");
  expect(await settings.schemas()).toMatchObject({ queueName: "q", ownName: "q_taskrun" });
});

test("the schemas are the same object each time, since statements are kept with it", async () => {
  const settings = new ClientSettings({ schema: "graphile_worker" });
  expect(await settings.schemas()).toBe(await settings.schemas());
});

test("the rest comes from the configuration, which is looked for again after a failure", async () => {
  await using projects = await TaskProject.of({});
  const settings = new ClientSettings({ project: projects.path("app") });
  await expect(settings.schemas()).rejects.toThrow("app");
  await projects.write("app/worker.config.ts", 'export default { schema: "jobs" };');
  expect(await settings.schemas()).toMatchObject({ queueName: "jobs" });
});
