/** The API as processes serve it: alone, and beside the jobs. */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import type { Reply } from "../../support/http-api.ts";
import { RunningCli, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;

beforeEach(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({
    "tasks/greet.mjs": "export default async (payload) => ({ hello: payload.name });",
  });
});

afterEach(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function options(env: Record<string, string> = {}) {
  return { cwd: project.dir, env: { DATABASE_URL: database.url, ...env } };
}

async function urlOf(cli: RunningCli): Promise<string> {
  await cli.says("  http ");
  return /http:\/\/[\w.:]+/.exec(cli.stderr)?.[0] ?? "";
}

async function ask(url: string, init?: RequestInit): Promise<Pick<Reply, "status" | "body">> {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.json() };
}

function json(body: unknown): RequestInit {
  const headers = { "content-type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body) };
}

test("serve answers alone, on an empty database, and stops when told to", async () => {
  await using cli = new RunningCli(["serve", "--http-port", "0"], options());
  const url = await urlOf(cli);
  expect(cli.stderr).toContain("without a token, for this machine only");
  const made = await ask(`${url}/tasks`, json({ task_type: "greet", payload: { name: "Ada" } }));
  expect(made).toMatchObject({ status: 201, body: { data: { status: "pending" } } });
  expect((await ask(`${url}/catalog`)).body.data).toMatchObject([{ task_type: "greet" }]);
  cli.kill("SIGTERM");
  expect(await cli.ended).toMatchObject({ code: 0 });
});

test("run serves beside the jobs, by flag or environment", async () => {
  await using cli = new RunningCli(["run"], options({ TASKRUN_HTTP_PORT: "0" }));
  const url = await urlOf(cli);
  const made = await ask(`${url}/tasks`, json({ task_type: "greet", payload: { name: "Ada" } }));
  await expect
    .poll(async () => (await ask(`${url}/tasks/${made.body.data.id}`)).body.data)
    .toMatchObject({ status: "completed", output: { hello: "Ada" } });
  expect((await ask(`${url}/processes`)).body.data).toHaveLength(1);
  cli.kill("SIGTERM");
  expect(await cli.ended).toMatchObject({ code: 0 });
});

test("watch mode serves too, with the code as it is now", async () => {
  await using cli = new RunningCli(["--watch", "--http-port", "0"], options());
  const url = await urlOf(cli);
  await project.write("tasks/later.mjs", "export default async () => 1;");
  await expect
    .poll(async () => (await ask(`${url}/tasks`, json({ task_type: "later" }))).status)
    .toBe(201);
  cli.kill("SIGTERM");
  expect(await cli.ended).toMatchObject({ code: 0 });
});

test("without a port there is no API beside the jobs", async () => {
  await using cli = new RunningCli(["run"], options());
  await cli.says("running");
  expect(cli.stderr).not.toContain("  http ");
});

test("with a token it listens for other machines, without one it refuses", async () => {
  const refused = await runCli(["serve", "--http-port", "0", "--http-host", "0.0.0.0"], options());
  expect(refused.code).toBe(78);
  expect(refused.stderr).toContain("listens on this machine only");
  const { stdout } = await runCli(["token", "create", "shop"], options());
  await using cli = new RunningCli(["serve", "--http-port=0", "--http-host=0.0.0.0"], options());
  const url = (await urlOf(cli)).replace("0.0.0.0", "127.0.0.1");
  expect(cli.stderr).toContain("with a token");
  expect((await ask(`${url}/tasks`)).status).toBe(401);
  const headers = { authorization: `Bearer ${stdout.trim()}` };
  expect((await ask(`${url}/tasks`, { headers })).status).toBe(200);
});
