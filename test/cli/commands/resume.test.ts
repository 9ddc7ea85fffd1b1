import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type CliResult, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
let project: TaskProject;

beforeAll(async () => {
  kit = await testRuntime({});
  project = await TaskProject.of({ "tasks/pay.mjs": "export default async () => 1;" });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await kit.stop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: kit.connectionString } });
}

test("resuming a task closes its breaker", async () => {
  await kit.db.query("select taskrun.count_attempts('pay', 5, 0, null, 5, 60000, 'no answer')");
  const { stdout } = await cli("pause", "--list");
  expect(stdout).toMatch(/task pay +\S+ +breaker, until \S+ +no answer/);
  const { stdout: json } = await cli("resume", "pay", "--json");
  expect(JSON.parse(json)).toEqual({ kind: "task", name: "pay", resumed: true });
  const { rows } = await kit.db.query("select state, failures from taskrun.breakers");
  expect(rows).toEqual([{ state: "closed", failures: 0 }]);
});

test("what isn't named is refused", async () => {
  const { code, stderr } = await cli("resume");
  expect(code).toBe(2);
  expect(stderr).toContain("--queue NAME or --all");
});
