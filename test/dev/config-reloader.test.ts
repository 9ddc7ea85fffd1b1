import { rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigReloader } from "../../src/dev/config-reloader.ts";
import { TaskProject } from "../support/task-project.ts";

let project: TaskProject;
let environment: Record<string, string | undefined>;

beforeEach(async () => {
  project = await TaskProject.of({
    "worker.config.mjs": "export default { concurrency: 3, defaults: { timeout: '10s' } };",
    ".env": "API_KEY=one\n",
  });
  environment = {};
});

afterEach(() => project[Symbol.asyncDispose]());

async function started(): Promise<ConfigReloader> {
  const reloader = new ConfigReloader({ folder: project.dir, environment });
  await reloader.load();
  return reloader;
}

async function save(reloader: ConfigReloader, path: string, text: string) {
  await project.write(path, text);
  return reloader.change([project.path(path)]);
}

test("functions and defaults alone apply without a new start", async () => {
  const reloader = await started();
  const change = await save(
    reloader,
    "worker.config.mjs",
    `export default { concurrency: 3, defaults: { timeout: '20s' },
       middleware: [(ctx, next) => next()], classify: () => "permanent" };`,
  );
  expect(change?.needsStart).toEqual([]);
  expect(change?.loaded.config.defaults).toEqual({ timeout: "20s" });
  expect(change?.loaded.config.middleware).toHaveLength(1);
});

test("other options need a new start, by name", async () => {
  const reloader = await started();
  const change = await save(
    reloader,
    "worker.config.mjs",
    "export default { concurrency: 4, redact: ['payload.password'] };",
  );
  expect(change?.needsStart).toEqual(["concurrency", "redact"]);
});

test("plugins need one too, whatever was changed: theirs is code that runs already", async () => {
  const text = (timeout: string) => `export default { concurrency: 3,
    defaults: { timeout: "${timeout}" },
    plugins: [{ name: "heard", listeners: { "database:back": () => {} } }] };`;
  await project.write("worker.config.mjs", text("10s"));
  const reloader = await started();
  const change = await save(reloader, "worker.config.mjs", text("20s"));
  expect(change?.needsStart).toEqual(["plugins"]);
});

test("variables of .env need one too, and reach the environment", async () => {
  const reloader = await started();
  const change = await save(reloader, ".env", "API_KEY=two\nTASKRUN_POLL_INTERVAL=3s\n");
  expect(change?.needsStart).toEqual(["pollInterval", "API_KEY", "TASKRUN_POLL_INTERVAL"]);
  expect(environment).toEqual({ API_KEY: "two", TASKRUN_POLL_INTERVAL: "3s" });
});

test("a config file that goes or comes is a change", async () => {
  const reloader = await started();
  await rm(project.path("worker.config.mjs"));
  const gone = await reloader.change([project.path("worker.config.mjs")]);
  expect(gone?.needsStart).toEqual(["concurrency"]);
  const back = await save(reloader, "worker.config.ts", "export default { concurrency: 9 };");
  expect(back?.loaded.config.concurrency).toBe(9);
});

test("a save without a change, and another file, are none", async () => {
  const reloader = await started();
  expect(await save(reloader, ".env", "API_KEY=one\n")).toBeNull();
  expect(await save(reloader, "tasks/a.ts", "1")).toBeNull();
});

test("a wrong one throws, keeps the environment, and is read again at any change", async () => {
  const reloader = await started();
  const wrong = "export default { concurrency: 'many' };";
  await expect(save(reloader, "worker.config.mjs", wrong)).rejects.toThrow("concurrency");
  await expect(save(reloader, "tasks/a.ts", "1")).rejects.toThrow("concurrency");
  await project.write("worker.config.mjs", "export default { concurrency: 3 };");
  const mended = await save(reloader, "tasks/a.ts", "2");
  expect(mended?.needsStart).toEqual([]);
  expect(environment).toEqual({ API_KEY: "one" });
});
