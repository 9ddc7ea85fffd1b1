import { expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { resolveTask } from "../../../src/core/resolve-task.ts";
import { Attempt } from "../../../src/runtime/attempt/attempt.ts";
import { executeAttempt } from "../../../src/runtime/attempt/execute-attempt.ts";
import { exampleJob, startAttempt } from "../../support/start-attempt.ts";

test("a handler gets the payload and its context, and its output is the outcome", async () => {
  const handler = async (payload: unknown, ctx: TaskContext) => ({ payload, id: ctx.jobId });
  expect(await startAttempt(handler).outcome).toEqual({
    state: "completed",
    outputJson: '{"payload":{"to":"a@b.co"},"id":"17"}',
  });
});

test("the attempt knows when it began", async () => {
  const before = Date.now();
  const { attempt, outcome } = startAttempt(() => {});
  await outcome;
  expect(attempt.startedAtMs).toBeGreaterThanOrEqual(before);
  expect(attempt.startedAtMs).toBeLessThanOrEqual(Date.now());
});

test("attempts of one task at the same time don't mix", async () => {
  const { attempt } = startAttempt(() => {});
  const task = resolveTask(
    async (payload: unknown, ctx: TaskContext) => {
      await new Promise((resolve) => setImmediate(resolve));
      return [payload, ctx.jobId, ctx.payload];
    },
    { name: "x", file: "/x.ts", version: 1, layers: [] },
  );
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) => {
      const job = { ...exampleJob, id: `${index}`, payload: index };
      return executeAttempt(new Attempt(job, task, attempt.services));
    }),
  );
  expect(outcomes.map((each) => each.state === "completed" && each.outputJson)).toEqual(
    outcomes.map((_, index) => `[${index},"${index}",${index}]`),
  );
});

test("two loaded versions of a task each run their own code", async () => {
  const first = startAttempt(() => "old");
  const second = startAttempt(() => "new");
  expect(await first.outcome).toMatchObject({ outputJson: '"old"' });
  expect(await second.outcome).toMatchObject({ outputJson: '"new"' });
});

test("a handler that returns a foreign thenable is waited for", async () => {
  // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
  const handler = () => ({ then: (done: (value: string) => void) => setImmediate(done, "later") });
  expect(await startAttempt(handler).outcome).toMatchObject({ outputJson: '"later"' });
});

test("a thing whose every property throws when read is an outcome too", async () => {
  const trap = () => {
    throw new Error("don't look");
  };
  const hostile = new Proxy({}, { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap });
  expect(await startAttempt(() => hostile).outcome).toMatchObject({ state: "retrying" });
  expect(
    await startAttempt(() => {
      throw hostile;
    }).outcome,
  ).toMatchObject({ state: "retrying", error: { name: "NonError" } });
});
