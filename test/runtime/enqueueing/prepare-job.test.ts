import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { z } from "zod";
import type { EnqueueOptions } from "../../../src/core/job.ts";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { prepareJob } from "../../../src/runtime/enqueueing/prepare-job.ts";

function taskOf(definition: Record<string, unknown>, name = "mail") {
  return resolveTask(
    { handler: async () => 1, ...definition },
    { name, file: `${name}.ts`, version: 1, layers: [] },
  );
}

test("jobs that say nothing for themselves are put into the same words, with what the task says", () => {
  const task = taskOf({ payload: z.object({ to: z.string() }), priority: "high" });
  const [first, second] = ["a", "b"].map((to) =>
    prepareJob(task, { name: "mail", payload: { to }, options: {} }),
  );
  expect(first).toMatchObject({
    payloadJson: '{"to":"a"}',
    isPlain: true,
    kind: {
      json: expect.stringMatching(/^\{"task":"mail","priority":-10,.*"validate":false\}$/),
    },
  });
  expect(second).toMatchObject({ ...first, payloadJson: '{"to":"b"}' });
});

test("a name and its alias are told apart, as are jobs whose queue their payload says", () => {
  const task = taskOf({ queue: (payload: { to: string }) => `to ${payload.to}` });
  const kinds = ["mail", "mail:send"].flatMap((name) =>
    ["a", "b"].map((to) => prepareJob(task, { name, payload: { to }, options: {} })),
  );
  expect(kinds.map((job) => JSON.parse("kind" in job ? job.kind.json : ""))).toMatchObject([
    { task: "mail", queue: "to a" },
    { task: "mail", queue: "to b" },
    { task: "mail:send", queue: "to a" },
    { task: "mail:send", queue: "to b" },
  ]);
});

const notPlain: EnqueueOptions[] = [
  { key: "k" },
  { key: "k", keyMode: "preserve_run_at" },
  { after: ["1"] },
];

test.each(notPlain)("a job with %o isn't plain", (options) => {
  const job = prepareJob(undefined, { name: "mail", payload: {}, options });
  expect(job).toMatchObject({ isPlain: false });
});

test("a task that checks asynchronously is waited for", async () => {
  const task = taskOf({ payload: z.string().refine(async (text) => text !== "no") });
  const fine = prepareJob(task, { name: "mail", payload: "yes", options: {} });
  expect(fine).toBeInstanceOf(Promise);
  expect(await fine).toMatchObject({ payloadJson: '"yes"' });
  const wrong = prepareJob(task, { name: "mail", payload: "no", options: {} });
  await expect(wrong).rejects.toMatchObject({ code: "bad-payload" });
});

test("a promise of another realm is waited for as well", async () => {
  const validate = () => runInNewContext(`Promise.resolve({ issues: [{ message: "no" }] })`);
  const payload = { "~standard": { version: 1, vendor: "elsewhere", validate } };
  const wrong = prepareJob(taskOf({ payload }), { name: "mail", payload: {}, options: {} });
  await expect(wrong).rejects.toMatchObject({ code: "bad-payload" });
});
