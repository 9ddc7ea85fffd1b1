import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { installTaskrun, runApp } from "../support/run-app.ts";
import { TaskProject } from "../support/task-project.ts";
import { testRuntime } from "../support/test-runtime.ts";

let runtime: TestRuntime;
let project: TaskProject;

const task = (name: string, more = "") => `
  import { defineTask } from "taskrun";
  import { z } from "zod";
  (globalThis.imported ??= []).push("${name}");
  export default defineTask({ payload: z.object({ n: z.number() }), ${more} handler() {} });`;

beforeAll(async () => {
  runtime = await testRuntime({});
  project = await TaskProject.of({
    "package.json": "{}",
    "worker.config.ts": "export default { defaults: { retry: { maxAttempts: 7 } } };",
    "tasks/one.ts": task("one"),
    "tasks/two.ts": task("two"),
    "tasks/deep/_defaults.ts": 'export default { priority: "low" };',
    "tasks/deep/three.ts": task("three", 'aliases: ["deep:three"],'),
    "tasks/broken.ts": "export default {",
    "app.ts": `
      import { createClient } from "taskrun/client";
      const [settings, ...calls] = JSON.parse(process.env.CALLS);
      const client = createClient(settings);
      const results = [];
      for (const [name, payload] of calls) {
        await client.enqueue(name, payload).then(
          ({ id }) => results.push({ id }),
          ({ code, message }) => results.push({ code, message }),
        );
      }
      console.log(JSON.stringify({
        results, imported: globalThis.imported ?? [], url: process.env.DATABASE_URL ?? null,
      }));`,
    ".env": `DATABASE_URL=${runtime.connectionString}`,
  });
  await installTaskrun(project);
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await runtime.stop();
});

interface Answer {
  results: { id: string; code: string; message: string }[];
  imported: string[];
  url: string | null;
}

async function app(...calls: unknown[]): Promise<Answer> {
  return (await runApp(project, "app.ts", { env: { CALLS: JSON.stringify(calls) } })) as Answer;
}

test("only the file of the task that is queued is imported, and its schema checks", async () => {
  const { results, imported } = await app({}, ["one", { n: 1 }], ["one", { n: "1" }], ["one", {}]);
  expect(results).toMatchObject([
    { id: expect.any(String) },
    { code: "bad-payload", message: expect.stringContaining("$.n") },
    { code: "bad-payload" },
  ]);
  expect(imported).toEqual(["one"]);
  expect(await runtime.job(results[0]!.id)).toMatchObject({ max_attempts: 7 });
});

test("what a folder says holds, by the task's name and by its alias", async () => {
  const { results, imported } = await app({}, ["deep/three", { n: 1 }], ["deep:three", { n: 1 }]);
  const jobs = await Promise.all(results.map(({ id }) => runtime.job(id)));
  expect(jobs).toMatchObject([{ priority: 10 }, { priority: 10, task: "deep:three" }]);
  expect(imported.toSorted()).toEqual(["one", "three", "two"]);
});

test("a task whose file is broken is refused, with the place; others are not", async () => {
  const { results } = await app({}, ["broken", {}], ["two", { n: 1 }]);
  expect(results).toMatchObject([
    { code: "task-not-loadable", message: expect.stringMatching(/tasks\/broken\.ts:1:/) },
    { id: expect.any(String) },
  ]);
});

test("a name that no file here has is queued as it is", async () => {
  const { results } = await app({}, ["elsewhere", { any: 1 }]);
  expect(await runtime.job(results[0]!.id)).toMatchObject({ max_attempts: 25 });
});

test("with tasks: false no file is imported and nothing is checked", async () => {
  const { results, imported } = await app({ tasks: false }, ["one", { n: "x" }], ["broken", {}]);
  expect(results).toMatchObject([{ id: expect.any(String) }, { id: expect.any(String) }]);
  expect(imported).toEqual([]);
});

test("another folder can be named", async () => {
  const { results } = await app({ tasks: "tasks/deep" }, ["three", { n: "x" }], ["one", {}]);
  expect(results).toMatchObject([{ code: "bad-payload" }, { id: expect.any(String) }]);
});

test("the connection comes from .env, and the environment stays as it was", async () => {
  const { results, url } = await app({}, ["one", { n: 1 }]);
  expect(results).toMatchObject([{ id: expect.any(String) }]);
  expect(url).toBeNull();
});

test("a folder without any database is told what to set", async () => {
  const { results } = await app({ project: "tasks", tasks: false }, ["one", { n: 1 }]);
  expect(results).toMatchObject([
    { code: "no-database", message: expect.stringContaining("Set DATABASE_URL") },
  ]);
});
