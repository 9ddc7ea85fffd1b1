import { describe, expect, test } from "vitest";
import { startAttempt } from "../support/start-attempt.ts";

const job = { payload: [1, 2, 3] };

function batch(answer: (entry: number) => unknown) {
  return async (payload: unknown) => (payload as number[]).map(answer);
}

describe("a payload that is an array, answered by promises", () => {
  test("completes when all are done, with their values", async () => {
    const handler = batch(async (entry) => {
      await new Promise((resolve) => setImmediate(resolve));
      return entry * 10;
    });
    const { outcome } = startAttempt(handler, { job });
    expect(await outcome).toEqual({ state: "completed", outputJson: "[10,20,30]" });
  });

  test("fails when some fail, after all are done, and counts them", async () => {
    let done = 0;
    const handler = batch(async (entry) => {
      if (entry !== 2) throw new Error(`no ${entry}`);
      await new Promise((resolve) => setImmediate(resolve));
      done += 1;
    });
    const { outcome } = startAttempt(handler, { job });
    expect(await outcome).toMatchObject({
      state: "retrying",
      error: { message: "2 of 3 entries of the batch failed: no 1; no 3" },
    });
    expect(done).toBe(1);
  });

  test("has failed for good on the last attempt", async () => {
    const handler = batch(() => Promise.reject(new Error("x")));
    const { outcome } = startAttempt(handler, { job: { ...job, attempt: 3 } });
    expect(await outcome).toMatchObject({ state: "failed" });
  });

  test("may be answered without an async function", async () => {
    const handler = (payload: unknown) =>
      (payload as number[]).map((entry) => Promise.resolve(entry));
    const { outcome } = startAttempt(handler, { job });
    expect(await outcome).toMatchObject({ outputJson: "[1,2,3]" });
  });

  test("is bounded by the timeout as a whole", async () => {
    const handler = batch(() => new Promise(() => {}));
    const { outcome } = startAttempt({ timeout: 10, handler }, { job });
    expect(await outcome).toMatchObject({ error: { name: "TaskTimeoutError" } });
  });

  test("shows ten messages at most", async () => {
    const many = { payload: Array.from({ length: 50 }, (_, index) => index) };
    const handler = batch((entry) => Promise.reject(new Error(`e${entry}`)));
    const outcome = await startAttempt(handler, { job: many }).outcome;
    expect(outcome).toHaveProperty("error.message", expect.stringMatching(/^50 of 50 .*e9; …$/));
  });
});

test("an array of plain values is a plain output", async () => {
  const { outcome } = startAttempt(
    batch((entry) => entry + 1),
    { job },
  );
  expect(await outcome).toEqual({ state: "completed", outputJson: "[2,3,4]" });
});

test("middleware sees the batch's real end", async () => {
  const seen: unknown[] = [];
  const task = {
    middleware: [
      async (_ctx: unknown, next: () => Promise<unknown>) => {
        try {
          return await next();
        } catch (error) {
          seen.push(error);
          throw error;
        }
      },
    ],
    handler: batch(() => Promise.reject(new Error("x"))),
  };
  await startAttempt(task, { job }).outcome;
  expect(seen).toEqual([expect.any(AggregateError)]);
});
