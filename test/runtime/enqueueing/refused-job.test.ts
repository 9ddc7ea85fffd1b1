import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { createEnqueuer, type Enqueuer } from "../../../src/runtime/enqueueing/enqueue.ts";
import { publishTasks } from "../../../src/runtime/enqueueing/publish-tasks.ts";
import { refusedJob } from "../../../src/runtime/enqueueing/refused-job.ts";
import { schemasFor } from "../../../src/store/schemas.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

let kit: TestRuntime;
/** Of an application that has the queue only, not the task files. */
let enqueuer: Enqueuer;

beforeAll(async () => {
  kit = await testRuntime({ mail: { payload: z.object({ to: z.string() }), handler: () => null } });
  const { db, catalog } = kit;
  const schemas = schemasFor("graphile_worker");
  await publishTasks({ db, schemas, catalog, processId: null });
  enqueuer = createEnqueuer({ db, schemas, findTask: () => undefined });
});

afterAll(() => kit.stop());

test("a payload that only the database has checked is refused like any other", async () => {
  await expect(enqueuer.enqueue("mail", { to: 5 })).rejects.toMatchObject({
    name: "TaskrunError",
    code: "bad-payload",
    message: expect.stringMatching(
      /^The payload for mail is wrong at \$\.to: expected a string, got 5\. Send a payload/,
    ),
    cause: { code: "23514" },
  });
});

test("of a list, with its place", async () => {
  const list = [{ task: "other" }, { task: "mail", payload: {} }];
  await expect(enqueuer.enqueueMany(list)).rejects.toMatchObject({
    code: "bad-payload",
    message: expect.stringMatching(
      /^jobs\[1\]: The payload for mail is wrong at \$\.to: is missing/,
    ),
  });
});

test("also when a driver has wrapped it", () => {
  const message = "taskrun.add_job: the payload for a is wrong at $: x";
  const cause = Object.assign(new Error(message), { code: "23514" });
  expect(refusedJob(new Error("Failed query", { cause }), "one")).toMatchObject({
    code: "bad-payload",
  });
});

test("an option that only the database can read is refused like any other", async () => {
  await expect(enqueuer.enqueue("other", {}, { runAt: "some day" })).rejects.toMatchObject({
    name: "TaskrunError",
    code: "bad-enqueue-option",
    message: expect.stringMatching(/^run_at is "some day", expected a moment like /),
    cause: { code: "22023" },
  });
});

test("of a list that one is told with its place, and what to do about it", async () => {
  const list = [{ task: "other" }, { task: "other", runAt: "infinity" }];
  await expect(enqueuer.enqueueMany(list)).rejects.toMatchObject({
    code: "bad-enqueue-option",
    message: expect.stringMatching(/^jobs\[1\]: run_at is "infinity", expected a moment like /),
    nextStep: "Correct the option 'run_at'.",
  });
});

test.each([
  ["a job that never was", ["987654321"], "there is no job 987654321 to wait for"],
  ["the job itself", ["self"], "job ID can't wait for itself"],
])("waiting for %s is an option that can't be", async (_what, after, refusal) => {
  const { id } = await enqueuer.enqueue("other", {}, { key: "once", delay: "1h" });
  const ids = after.map((each) => (each === "self" ? id : each));
  const refused = { code: "bad-enqueue-option", cause: { code: "22023" } };
  const message = expect.stringContaining(refusal.replace("ID", id));
  const options = { key: "once", after: ids };
  await expect(enqueuer.enqueue("other", {}, options)).rejects.toMatchObject({
    ...refused,
    message,
  });
  await expect(enqueuer.enqueueMany([{ task: "other", ...options }])).rejects.toMatchObject({
    ...refused,
    message,
  });
});

test("any other error stays what it is", () => {
  const check = Object.assign(new Error("violates check constraint"), { code: "23514" });
  for (const error of [check, new Error("x"), null, "text"]) {
    expect(refusedJob(error, "list")).toBe(error);
  }
});
