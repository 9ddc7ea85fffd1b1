import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type CliResult, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
let project: TaskProject;

beforeAll(async () => {
  project = await TaskProject.of({ "tasks/.keep": "" });
  kit = await testRuntime({ later: async () => "ran" });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await kit.stop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: kit.connectionString } });
}

test("scheduled jobs are due at once, and --wait waits for their end", async () => {
  const { id } = await kit.enqueue("later", {}, { delay: "1h", correlationId: "c" });
  const runtime = kit.createRuntime();
  await runtime.start();
  try {
    const { code, stdout, stderr } = await cli("run-now", "--correlation-id", "c", "--wait");
    expect(stderr).toContain(`Job ${id} is due.`);
    expect(stderr).toContain("1 job: completed");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  } finally {
    await runtime.stop();
  }
  const again = await cli("run-now", id);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("has completed") });
});

test("a job that waits for others is refused with their ids", async () => {
  const { id: parent } = await kit.enqueue("later", {}, { delay: "1h" });
  const { id } = await kit.enqueue("later", {}, { after: [parent] });
  const { code, stderr } = await cli("run-now", id);
  expect(stderr).toContain(`Job ${id} waits for a job that has not ended: ${parent}.`);
  expect(code).toBe(1);
});

test("many are only counted", async () => {
  const ids = await Promise.all(
    Array.from({ length: 21 }, () => kit.enqueue("later", {}, { delay: "1h", queue: "many" })),
  );
  const { stderr } = await cli("run-now", "--queue", "many");
  expect(stderr).toBe(`${ids.length}: is due\n`);
});
