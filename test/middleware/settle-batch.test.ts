import { describe, expect, test } from "vitest";
import { z } from "zod";
import { err, ok } from "../../src/core/result.ts";
import { PermanentError, RateLimitedError, RetryLaterError } from "../../src/core/task-errors.ts";
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
      remaining: [0, 2],
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

describe("an array of promises that is no answer to the payload's entries is a plain output", () => {
  test("when it has another length, which a warning says", async () => {
    const { outcome, lines } = startAttempt(async () => [Promise.resolve(1)], { job });
    expect(await outcome).toEqual({ state: "completed", outputJson: "[{}]" });
    expect(lines).toContainEqual(expect.objectContaining({ entries: 3, returned: 1, level: 40 }));
  });

  test("when the payload is no array", async () => {
    const { outcome } = startAttempt(async () => [Promise.resolve(1)], { job: { payload: {} } });
    expect(await outcome).toEqual({ state: "completed", outputJson: "[{}]" });
  });
});

describe("what is left of a batch", () => {
  const failing = (...bad: number[]) =>
    batch(async (entry) => {
      if (bad.includes(entry)) throw new Error(`no ${entry}`);
    });

  test("is the entries that failed, on the last attempt too", async () => {
    const { outcome } = startAttempt(failing(2), { job: { ...job, attempt: 3 } });
    expect(await outcome).toMatchObject({ state: "failed", remaining: [1] });
  });

  test("is the whole payload when all failed", async () => {
    expect(await startAttempt(failing(1, 2, 3), { job }).outcome).not.toHaveProperty("remaining");
  });

  test("counts values among the promises as done", async () => {
    const handler = async () => [1, Promise.reject(new Error("x")), Promise.resolve()];
    expect(await startAttempt(handler, { job }).outcome).toMatchObject({ remaining: [1] });
  });

  test("counts a returned err as failed, and keeps what an ok holds", async () => {
    const handler = (bad: number) =>
      batch(async (entry) => (entry === bad ? err(new Error("x")) : ok(entry)));
    expect(await startAttempt(handler(3), { job }).outcome).toMatchObject({ remaining: [2] });
    expect(await startAttempt(handler(4), { job }).outcome).toMatchObject({
      outputJson: "[1,2,3]",
    });
  });

  test("after a timeout is what was not done by then", async () => {
    const handler = batch((entry) => (entry === 2 ? new Promise(() => {}) : Promise.resolve()));
    const { outcome } = startAttempt({ timeout: 10, handler }, { job });
    expect(await outcome).toMatchObject({
      state: "retrying",
      error: { name: "TaskTimeoutError" },
      remaining: [1],
    });
  });

  test("stays when the user's middleware makes another error of the batch's", async () => {
    const task = {
      middleware: [
        (_ctx: unknown, next: () => Promise<unknown>) =>
          next().catch(() => {
            throw new Error("mine");
          }),
      ],
      handler: failing(1),
    };
    expect(await startAttempt(task, { job }).outcome).toMatchObject({
      error: { message: "mine" },
      remaining: [0],
    });
  });

  test("is the whole payload when all entries were done and something after them failed", async () => {
    const task = { output: z.array(z.string()), handler: failing() };
    const outcome = await startAttempt(task, { job }).outcome;
    expect(outcome).toMatchObject({ state: "failed", error: { rule: "output" } });
    expect(outcome).not.toHaveProperty("remaining");
  });
});

describe("with a payload schema", () => {
  test("what is left is told by the entries' places, whatever the schema made of them", async () => {
    const payload = z.array(z.number().transform((n) => ({ n })));
    const handler = async (entries: { n: number }[]) =>
      entries.map(async ({ n }) => {
        if (n !== 2) throw new Error(`no ${n}`);
      });
    expect(await startAttempt({ payload, handler }, { job }).outcome).toMatchObject({
      error: { message: "2 of 3 entries of the batch failed: no 1; no 3" },
      remaining: [0, 2],
    });
  });

  test("all is run again when the schema changed how many entries there are", async () => {
    const payload = z.array(z.number()).transform((all) => all.filter((n) => n !== 1));
    const handler = async (entries: number[]) =>
      entries.map((n) => (n === 2 ? Promise.reject(new Error("no 2")) : Promise.resolve(n)));
    const outcome = await startAttempt({ payload, handler }, { job }).outcome;
    expect(outcome).toMatchObject({
      state: "retrying",
      error: { message: "1 of 2 entries of the batch failed: no 2" },
    });
    expect(outcome).not.toHaveProperty("remaining");
  });
});

describe("what the entries' errors mean together", () => {
  const answers = (...reasons: unknown[]) =>
    startAttempt(async () => reasons.map((reason) => Promise.reject(reason)), {
      job: { payload: reasons.map((_, index) => index) },
    }).outcome;

  test("permanent when all are", async () => {
    expect(await answers(new PermanentError("a"), new PermanentError("b"))).toMatchObject({
      state: "failed",
      error: { rule: "thrown-on-purpose" },
    });
  });

  test("retryable when one is, and the permanent ones stay with it", async () => {
    const outcome = await startAttempt(
      async () => [
        Promise.resolve(),
        Promise.reject(new PermanentError("never")),
        Promise.reject(new Error("later")),
      ],
      { job },
    ).outcome;
    expect(outcome).toMatchObject({ state: "retrying", remaining: [1, 2] });
  });

  test("waits as long as the entry that asks for most", async () => {
    const outcome = await answers(new RateLimitedError("1m"), new RateLimitedError("5m"), "x");
    expect(outcome).toMatchObject({ state: "retrying", delayMs: 300_000 });
  });

  test("snoozed only when all are", async () => {
    const later = new RetryLaterError("not yet", "2m");
    expect(await answers(later, later)).toMatchObject({ state: "snoozed", delayMs: 120_000 });
    expect(await answers(later, new Error("x"))).toMatchObject({ state: "retrying" });
    expect(await answers(later, new PermanentError("x"))).toMatchObject({ state: "retrying" });
  });

  test("the task's classify is asked of each entry's error", async () => {
    const task = {
      classify: (error: unknown) =>
        error instanceof Error && error.message === "gone" ? ("permanent" as const) : undefined,
      handler: batch(() => Promise.reject(new Error("gone"))),
    };
    expect(await startAttempt(task, { job }).outcome).toMatchObject({
      state: "failed",
      error: { rule: "task-classify" },
    });
  });
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
