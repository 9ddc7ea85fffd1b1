import { userInfo } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScratchDatabase } from "../../../src/store/scratch-database.ts";
import { type CliResult, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: ScratchDatabase;
let project: TaskProject;

beforeAll(async () => {
  database = await createTestDatabase();
  project = await TaskProject.of({
    "tasks/send_email.mjs": "export default async () => 1;",
    "tasks/count.mjs": "export default { aliases: ['count:all'], handler: async () => 2 };",
  });
  await cli("migrate");
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await database.drop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: database.url } });
}

async function held(): Promise<unknown[]> {
  const { pauses } = JSON.parse((await cli("pause", "--list", "--json")).stdout);
  return pauses.map(({ kind, name }: { kind: string; name: string }) => [kind, name]);
}

async function states(): Promise<Record<string, string>> {
  const { stdout } = await cli("jobs", "--json");
  return Object.fromEntries(
    JSON.parse(stdout).map(({ task, state }: { task: string; state: string }) => [task, state]),
  );
}

test("jobs of a paused task wait uncounted while others run, until it is resumed", async () => {
  await cli("add", "send_email");
  await cli("add", "count");
  const paused = await cli("pause", "send_email", "--reason", "mail server moves", "--json");
  expect(paused.code).toBe(0);
  expect(JSON.parse(paused.stdout)).toMatchObject({
    kind: "task",
    name: "send_email",
    paused_by: expect.stringContaining(`${userInfo().username}@`),
    reason: "mail server moves",
  });
  expect(paused.stderr).not.toContain("warning");
  await cli("--once");
  expect(await states()).toEqual({ send_email: "pending", count: "completed" });
  const { stdout } = await cli("pause", "--list");
  expect(stdout).toMatch(/task send_email +\S+ +\S+@\S+ +mail server moves/);
  const resumed = await cli("resume", "send_email");
  expect(resumed.stderr).toContain("Resumed task send_email.");
  await cli("--once");
  expect(await states()).toMatchObject({ send_email: "completed" });
  expect((await cli("resume", "send_email")).stderr).toContain("Nothing held task send_email.");
});

test("everything and single queues are paused and resumed on their own", async () => {
  await cli("pause", "--all");
  await cli("pause", "--queue", "line", "--by", "ops");
  expect(await held()).toEqual([
    ["all", ""],
    ["queue", "line"],
  ]);
  const { stderr } = await cli("resume", "--all");
  expect(stderr).toContain("Still paused by ops: queue line.");
  expect(await held()).toEqual([["queue", "line"]]);
  await cli("resume", "--queue", "line");
  expect(await held()).toEqual([]);
  expect((await cli("pause", "--list")).stderr).toContain("Nothing is paused");
});

test("a task that nobody has is paused with a warning that names the one that was meant", async () => {
  const { code, stderr } = await cli("pause", "sendemial");
  expect(code).toBe(0);
  expect(stderr).toContain("No process has a task sendemial");
  expect(stderr).toContain("Did you mean send_email?");
  expect(await held()).toEqual([["task", "sendemial"]]);
  await cli("resume", "sendemial");
});

test("nothing, or more than one thing, to pause is refused", async () => {
  for (const args of [[], ["count", "--all"], ["--queue", ""], ["count", "--list"]]) {
    const { code, stdout } = await cli("pause", ...args);
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: "" });
  }
});
