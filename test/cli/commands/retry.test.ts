import { afterAll, beforeAll, expect, test } from "vitest";
import { cancelJob } from "../../../src/store/operations.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { type CliResult, runCli } from "../../support/run-cli.ts";
import { TaskProject } from "../../support/task-project.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
let project: TaskProject;
let broken = true;

beforeAll(async () => {
  project = await TaskProject.of({ "tasks/.keep": "" });
  kit = await testRuntime({
    flaky: {
      retry: { maxAttempts: 1 },
      handler: async () => {
        if (broken) throw new Error("no luck");
        return "mended";
      },
    },
  });
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await kit.stop();
});

function cli(...args: string[]): Promise<CliResult> {
  return runCli(args, { cwd: project.dir, env: { DATABASE_URL: kit.connectionString } });
}

test("failed jobs run again under their ids; cancelled ones when they are asked for", async () => {
  const [one, other] = [await kit.enqueue("flaky"), await kit.enqueue("flaky")];
  const { id: cancelled } = await kit.enqueue("flaky", {}, { delay: "1h" });
  await cancelJob(kit.db, schemasFor("graphile_worker"), cancelled);
  broken = true;
  await kit.drain();
  const { code, stdout } = await cli("retry", "--task", "flaky", "--json");
  expect(JSON.parse(stdout)).toEqual([one, other].map(({ id }) => ({ id, state: "due" })));
  expect(code).toBe(0);
  await cli("retry", "--state", "cancelled");
  broken = false;
  await kit.drain();
  for (const id of [one.id, other.id, cancelled]) {
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: "mended" });
  }
});

test("with --wait the end decides the exit code", async () => {
  broken = true;
  const { id } = await kit.enqueue("flaky");
  await kit.drain();
  const runtime = kit.createRuntime();
  await runtime.start();
  try {
    const again = await cli("retry", id, "--wait");
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("1 job: failed") });
    broken = false;
    const mended = await cli("retry", id, "--wait", "--json");
    expect(JSON.parse(mended.stdout)).toEqual([{ id, state: "completed", error: null }]);
    expect(mended.code).toBe(0);
  } finally {
    await runtime.stop();
  }
});

test("a job that hasn't failed is refused with what it is", async () => {
  const { id } = await kit.enqueue("flaky", {}, { delay: "1h" });
  const { code, stderr } = await cli("retry", id);
  expect(stderr).toContain(`Job ${id} is scheduled: there is nothing to retry`);
  expect(code).toBe(1);
});
