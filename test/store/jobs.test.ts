import { afterAll, beforeAll, expect, test } from "vitest";
import { getJob, getJobEnd, listAttempts, listJobs } from "../../src/store/jobs.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../support/test-runtime.ts";

const schemas = schemasFor("graphile_worker");
let runtime: TestRuntime;

beforeAll(async () => {
  const retry = { maxAttempts: 2, baseDelay: 0 };
  runtime = await testRuntime({
    good: async () => ({ done: true }),
    bad: { retry, handler: () => Promise.reject(new Error("boom")) },
  });
  for (const task of ["good", "bad"]) await runtime.enqueue(task);
  await runtime.drain();
  await runtime.enqueue("good", {}, { delay: "1h" });
});

afterAll(() => runtime.stop());

async function failedJob(): Promise<string> {
  const [job] = await listJobs(runtime.db, schemas, { state: "failed" });
  return job!.id;
}

test("jobs are listed newest first, queued and finished ones, by state and task", async () => {
  const states = async (filter = {}) =>
    (await listJobs(runtime.db, schemas, filter)).map(({ state }) => state);
  expect(await states()).toEqual(["scheduled", "failed", "completed"]);
  expect(await states({ task: "good" })).toEqual(["scheduled", "completed"]);
  expect(await states({ state: "failed" })).toEqual(["failed"]);
  expect(await states({ limit: 1 })).toEqual(["scheduled"]);
});

test("one job is found by its id, whole or its end alone", async () => {
  const id = await failedJob();
  const end = { task: "bad", state: "failed", output: null, error: "boom", attempts: 2 };
  expect(await getJob(runtime.db, schemas, id)).toMatchObject({ id, ...end, max_attempts: 2 });
  expect(await getJobEnd(runtime.db, schemas, id)).toEqual(end);
  expect(await getJob(runtime.db, schemas, "999999")).toBeNull();
  expect(await getJobEnd(runtime.db, schemas, "999999")).toBeNull();
});

test("failed attempts are listed first one first", async () => {
  const id = await failedJob();
  expect(await listAttempts(runtime.db, schemas, id)).toMatchObject([
    { attempt: 1, state: "retrying", error_message: "boom", rule: "default" },
    { attempt: 2, state: "failed", error_message: "boom" },
  ]);
});
