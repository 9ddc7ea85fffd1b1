import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { createClient } from "../../src/client/create-client.ts";
import { defineTask } from "../../src/client/define-task.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { installTaskrun, runApp } from "../support/run-app.ts";
import { TaskProject } from "../support/task-project.ts";
import { testRuntime } from "../support/test-runtime.ts";

let runtime: TestRuntime;

beforeAll(async () => {
  runtime = await testRuntime({});
});

afterAll(() => runtime.stop());

const graphLoader = new URL("../../src/dev/graph-loader.ts", import.meta.url).href;

const sendEmail = `
  import { defineTask } from "taskrun";
  import { z } from "zod";
  globalThis.evaluated = (globalThis.evaluated ?? 0) + 1;
  export default defineTask({ payload: z.object({ to: z.string() }), handler() {} });`;

test("enqueue is no option of the task: its definition is as it was written", () => {
  const task = defineTask({ timeout: "5s", handler: () => 1 });
  expect(Object.keys(task)).toEqual(["timeout", "handler"]);
  expect(Object.isFrozen(task)).toBe(true);
  const origin = { name: "a", file: "a.ts", version: 1, layers: [] };
  expect(resolveTask(task, origin)).toMatchObject({ policies: { timeoutMs: 5000 } });
});

test("an imported task queues jobs in its project's database, wherever the app runs", async () => {
  await using project = await TaskProject.of({
    "package.json": "{}",
    "jobs/package.json": "{}",
    "jobs/worker.config.ts": "export default { defaults: { retry: { maxAttempts: 9 } } };",
    "jobs/tasks/mail/send.ts": sendEmail,
    "jobs/define.ts": `
      import { defineTask } from "taskrun";
      export const define = (handler) => defineTask({ handler });`,
    "jobs/tasks/mail/_defaults.ts": 'export default { priority: "high" };',
    "jobs/tasks/broken.ts": "export default {",
    "jobs/tasks/wrapped.ts": `
      import { define } from "../define.ts";
      export default define(() => 1);`,
    "jobs/tasks/old.cjs": `
      const { defineTask } = require("taskrun");
      module.exports = defineTask({ handler() {} });`,
    "web/app.ts": `
      import sendEmail from "../jobs/tasks/mail/send.ts";
      import wrapped from "../jobs/tasks/wrapped.ts";
      import old from "../jobs/tasks/old.cjs";
      const refused = await sendEmail.enqueue({}).catch((error) => error.code);
      const jobs = [
        await sendEmail.enqueue({ to: "a" }),
        await wrapped.enqueue(),
        await old.enqueue(),
      ];
      const { evaluated } = globalThis;
      console.log(JSON.stringify({ refused, evaluated, ids: jobs.map(({ id }) => id) }));`,
  });
  await installTaskrun(project);
  const env = { DATABASE_URL: runtime.connectionString };
  const answer = await runApp(project, "web/app.ts", { cwd: "web", env });
  const { refused, evaluated, ids } = answer as Record<"refused" | "evaluated", unknown> & {
    ids: string[];
  };
  expect({ refused, evaluated }).toEqual({ refused: "bad-payload", evaluated: 1 });
  expect(await Promise.all(ids.map((id) => runtime.job(id)))).toMatchObject([
    { task: "mail/send", payload: { to: "a" }, priority: -10, max_attempts: 9 },
    { task: "wrapped", max_attempts: 9 },
    { task: "old", max_attempts: 9 },
  ]);
});

test("a client takes an imported task as it takes a name, also in a transaction", async () => {
  await using project = await TaskProject.of({
    "package.json": "{}",
    "tasks/send.ts": sendEmail,
    "app.ts": `
      import pg from "pg";
      import { createClient } from "taskrun/client";
      import send from "./tasks/send.ts";
      const client = createClient();
      const db = new pg.Client(process.env.DATABASE_URL);
      await db.connect();
      await db.query("begin");
      const gone = await client.with(db).enqueue(send, { to: "gone" });
      await db.query("rollback");
      await db.end();
      const unchecked = createClient({ tasks: false });
      const refused = await unchecked.enqueue(send, { to: 1 }).catch((error) => error.code);
      const { id } = await client.enqueue(send, { to: "kept" });
      console.log(JSON.stringify({ gone: gone.id, kept: id, refused }));`,
  });
  await installTaskrun(project);
  await project.installPackages("pg");
  const env = { DATABASE_URL: runtime.connectionString };
  const { gone, kept, refused } = (await runApp(project, "app.ts", { env })) as {
    [name: string]: string;
  };
  expect(await runtime.job(gone!)).toBeNull();
  expect(await runtime.job(kept!)).toMatchObject({ task: "send", payload: { to: "kept" } });
  expect(refused).toBe("bad-payload");
});

test("a task that was defined elsewhere is known by where the client finds it, or refused", async () => {
  const here = defineTask({ payload: z.object({ n: z.number() }), handler: () => 1 });
  const { connectionString } = runtime;
  await using named = createClient({ connectionString, tasks: { mine: here } });
  const { id } = await named.enqueue(here, { n: 1 });
  expect(await runtime.job(id)).toMatchObject({ task: "mine" });
  await using unnamed = createClient({ connectionString });
  await expect(unnamed.enqueue(here, { n: 1 })).rejects.toMatchObject({
    code: "unnamed-task",
    message: expect.stringContaining("define-task.test.ts"),
  });
});

test("noting where a task was defined costs next to nothing", () => {
  const definition = { handler: () => 1 };
  const started = performance.now();
  for (let count = 0; count < 10_000; count += 1) defineTask(definition);
  expect(performance.now() - started).toBeLessThan(2_000);
});

test("a task that watch mode has loaded knows its name and its schema too", async () => {
  await using project = await TaskProject.of({
    "package.json": "{}",
    "tasks/send.ts": sendEmail,
    "tasks/sender.ts": `
      import send from "./send.ts";
      export default async (payload) => send.enqueue(payload);`,
    "app.ts": `
      import { GraphLoader } from ${JSON.stringify(graphLoader)};
      const projectDir = import.meta.dirname;
      const options = { projectDir, tasksDir: projectDir + "/tasks", importTimeoutMs: 20000 };
      const loader = new GraphLoader({ ...options, layers: [] });
      const { tasks } = await loader.load();
      const run = (payload) => tasks.get("sender").handler(payload);
      const refused = await run({ to: 1 }).catch((error) => error.code);
      const { id } = await run({ to: "a" });
      await loader.close();
      process.stdout.write(JSON.stringify({ refused, id }), () => process.exit());`,
  });
  await installTaskrun(project);
  const env = { DATABASE_URL: runtime.connectionString, NODE_OPTIONS: "--experimental-vm-modules" };
  const { refused, id } = (await runApp(project, "app.ts", { env })) as Record<string, string>;
  expect(refused).toBe("bad-payload");
  expect(await runtime.job(id!)).toMatchObject({ task: "send", payload: { to: "a" } });
});
