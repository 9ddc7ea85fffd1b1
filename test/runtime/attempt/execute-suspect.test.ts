import { afterEach, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { addBySql, testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
afterEach(() => kit?.stop());

test("a suspect job is in the list of running jobs before its handler begins", async () => {
  let listed: string[] = [];
  kit = await testRuntime({
    task: async (_payload: unknown, ctx: TaskContext) => {
      const { rows } = await ctx.query("select running from taskrun.processes");
      listed = rows[0]?.running;
    },
  });
  const id = await addBySql(kit, "task");
  await kit.db.query("insert into taskrun.job_details (job_id, suspect) values ($1, true)", [id]);
  // Its heartbeat would come far too late.
  const runtime = kit.createRuntime({ heartbeatIntervalMs: 600_000 });
  await runtime.drain();
  await runtime.stop();
  expect(listed).toEqual([id]);
  expect(await kit.job(id)).toMatchObject({ state: "completed", attempts: 1 });
});
