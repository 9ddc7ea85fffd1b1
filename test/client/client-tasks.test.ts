import { expect, test } from "vitest";
import { ClientTasks } from "../../src/client/client-tasks.ts";

const noConfig = () => Promise.reject(new Error("the configuration was read"));

test("definitions are found by name and alias, and need no configuration", async () => {
  const tasks = new ClientTasks({ a: { aliases: ["b"], handler: () => 1 } }, noConfig);
  expect((await tasks.find("a"))?.name).toBe("a");
  expect((await tasks.find("b"))?.name).toBe("a");
  expect(await tasks.find("c")).toBeUndefined();
});

test("a definition that can't be is refused with its name", async () => {
  const tasks = new ClientTasks({ a: { timeout: "soon", handler: () => 1 } }, noConfig);
  await expect(async () => tasks.find("a")).rejects.toThrow(/a\.ts: timeout: got "soon"/);
});

test("false knows no task and needs no configuration", async () => {
  expect(await new ClientTasks(false, noConfig).find("a")).toBeUndefined();
});
