import { expect, test } from "vitest";
import { z } from "zod";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { secret } from "../../../src/core/secret.ts";
import type { Task } from "../../../src/core/task.ts";
import { payloadJsonSchema } from "../../../src/runtime/enqueueing/payload-json-schema.ts";
import { taskDetails } from "../../../src/runtime/enqueueing/publish-tasks.ts";
import { lateTask } from "../../../src/runtime/warm-start/late-task.ts";
import { areTrueOf, taskFacts } from "../../../src/runtime/warm-start/task-facts.ts";

function task(definition: object): Task {
  const whole = { handler: () => "done", ...definition };
  return resolveTask(whole, { name: "t", file: "/p/tasks/t.ts", version: 1, layers: [] });
}

const rich = {
  description: "does much",
  aliases: ["old", "a:b"],
  payload: z.object({ to: z.email(), token: secret(z.string()) }),
  output: z.string(),
  retry: { maxAttempts: 7, baseDelay: "2s" },
  timeout: false,
  priority: "high",
  queue: "serial",
  classify: () => undefined,
  breaker: { failures: 2 },
  concurrency: 3,
  retain: { completed: false, failed: "1h" },
  isolate: { kind: "thread", memory: "64MB" },
  redact: ["$.also"],
  middleware: [(_: unknown, next: () => unknown) => next()],
  onFailed: () => {},
} as const;

/** As another process reads it. */
async function remembered(of: Task, load = async () => of): Promise<Task> {
  const facts = JSON.parse(JSON.stringify(await taskFacts(of)));
  return lateTask(facts, { name: of.name, file: of.file, load });
}

test("a late task says of itself what the task says", async () => {
  for (const real of [task(rich), task({}), task({ retry: () => "give_up", queue: "function" })]) {
    const late = await remembered(real);
    const { name, file, version, description, aliases, secrets, sources } = real;
    expect(late).toMatchObject({ name, file, version, description, aliases, secrets, sources });
    expect(taskDetails(late)).toEqual(taskDetails(real));
    expect([late.payloadSchema, late.outputSchema].map((each) => each === null)).toEqual(
      [real.payloadSchema, real.outputSchema].map((each) => each === null),
    );
  }
});

test("its schema says the same JSON Schema without the code, and checks by the code", async () => {
  const real = task(rich);
  let loads = 0;
  const { payloadSchema } = await remembered(real, async () => {
    loads += 1;
    return real;
  });
  if (payloadSchema === null || real.payloadSchema === null) throw new Error("no schema");
  expect(await payloadJsonSchema(payloadSchema)).toBe(await payloadJsonSchema(real.payloadSchema));
  expect(loads).toBe(0);
  const right = { to: "ada@example.com", token: "x" };
  expect(await payloadSchema["~standard"].validate(right)).toEqual({ value: right });
  expect((await payloadSchema["~standard"].validate({ to: 5 })).issues).toHaveLength(2);
  expect(loads).toBe(2);
});

test("its handler fetches the code", async () => {
  const late = await remembered(task({}));
  const ctx = {} as Parameters<Task["handler"]>[1]; // why: this handler doesn't look at it
  expect(await late.handler({}, ctx)).toBe("done");
});

test("a task whose functions are asked before it runs has no facts", async () => {
  expect(await taskFacts(task({ queue: () => "q" }))).toBeNull();
  expect(await taskFacts(task({ limit: { key: () => "k", concurrency: 1 } }))).toBeNull();
});

test("facts are true of no task that differs in anything they say", async () => {
  const facts = JSON.parse(JSON.stringify(await taskFacts(task(rich))));
  expect(areTrueOf(facts, task({ ...rich }))).toBe(true);
  const others = [
    { description: "does less" },
    { aliases: [] },
    { payload: undefined },
    { output: undefined },
    { retry: () => "1s" },
    { timeout: "1s" },
    { priority: "low" },
    { queue: "other" },
    { queue: "function" },
    { queue: () => "serial" },
    { limit: { key: () => "k", concurrency: 1 } },
    { classify: undefined },
    { breaker: false },
    { concurrency: 4 },
    { retain: "1h" },
    { isolate: false },
    { redact: [] },
  ];
  for (const other of others) expect(areTrueOf(facts, task({ ...rich, ...other }))).toBe(false);
});
