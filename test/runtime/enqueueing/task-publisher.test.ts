import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
beforeEach(async () => {
  kit = await testRuntime({ mail: { payload: z.object({ to: z.string() }), handler: () => null } });
});
afterEach(() => kit.stop());

const add = (payload: unknown) =>
  kit.db.query("select taskrun.add_job('mail', $1)", [JSON.stringify(payload)]);

async function tasksOf(processId: string): Promise<string[] | null | undefined> {
  const { rows } = await kit.db.query("select tasks from taskrun.processes where id = $1", [
    processId,
  ]);
  return rows[0]?.tasks;
}

test("a process that starts says what its tasks are, and what it has", async () => {
  const runtime = kit.createRuntime();
  const published = once(runtime.events, "tasks:published");
  await runtime.start();
  expect(await published).toEqual([{ names: ["mail"] }]);
  expect(await tasksOf(runtime.processId)).toEqual(["mail"]);
  await expect(add({})).rejects.toThrow("the payload for mail is wrong at $.to: is missing");
  await runtime.stop();
});

test("a reload says it anew", async () => {
  const runtime = kit.createRuntime();
  const first = once(runtime.events, "tasks:published");
  await runtime.start();
  await first;
  const again = once(runtime.events, "tasks:published");
  const definition = { payload: z.object({ subject: z.string() }), handler: () => null };
  const task = resolveTask(definition, { name: "mail", file: "m.ts", version: 2, layers: [] });
  const other = resolveTask(() => null, { name: "b", file: "b.ts", version: 1, layers: [] });
  runtime.publish({
    tasks: new Map([
      ["mail", task],
      ["b", other],
    ]),
    failures: [],
  });
  expect(await again).toEqual([{ names: ["mail", "b"] }]);
  expect(await tasksOf(runtime.processId)).toEqual(["b", "mail"]);
  await expect(add({ to: "x" })).rejects.toThrow("$.subject: is missing");
  await runtime.stop();
});

test("a process that goes on under another id says it again", async () => {
  const runtime = kit.createRuntime();
  const first = once(runtime.events, "tasks:published");
  await runtime.start();
  await first;
  await kit.db.query("update taskrun.processes set tasks = null");
  const again = once(runtime.events, "tasks:published");
  const { processId } = runtime;
  runtime.events.emit("process:replaced", { processId: "before", newProcessId: processId });
  await again;
  expect(await tasksOf(processId)).toEqual(["mail"]);
  await runtime.stop();
});

test("a stop waits for what is being written", async () => {
  await kit.drain();
  await expect(add({})).rejects.toThrow("$.to: is missing");
});

test("what the database refuses is told, and hinders nothing", async () => {
  await kit.db.query("alter table taskrun.tasks add constraint no check (name <> 'mail')");
  await add({ to: 5 });
  expect(await kit.drain()).toMatchObject({ failed: 1 });
});
