import type { Pool } from "pg";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { TaskContext } from "../../src/core/context.ts";
import { defineTask } from "../../src/core/task.ts";
import { CancelledError, PermanentError } from "../../src/core/task-errors.ts";
import { runTask } from "../../src/testing/run-task.ts";

const greet = defineTask({
  payload: z.object({ name: z.string() }),
  retry: { baseDelay: "10s", maxAttempts: 2 },
  async handler({ name }, ctx) {
    ctx.log.info({ name }, "greeting");
    await ctx.progress(1, 2);
    await ctx.progress(2, 2, "done");
    await ctx.enqueue("follow_up", { name }, { delay: "1d" });
    return { text: `hello ${name}` };
  },
});

test("a run tells the outcome, the output, the lines, the progress and the jobs it enqueued", async () => {
  const run = await runTask(greet, { name: "Ann" }, { job: { correlationId: "c" } });
  expect(run).toMatchObject({
    outcome: { state: "completed", outputJson: '{"text":"hello Ann"}' },
    output: { text: "hello Ann" },
    error: null,
    progress: [
      { done: 1, total: 2, message: null },
      { done: 2, total: 2, message: "done" },
    ],
    enqueued: [
      {
        task: "follow_up",
        payload: { name: "Ann" },
        options: { delay: "1d", parentId: "1", correlationId: "c" },
      },
    ],
  });
  expect(run.logs).toContainEqual(
    expect.objectContaining({ level: "info", message: "greeting", name: "Ann", jobId: "1" }),
  );
});

test("a failing handler is a result", async () => {
  const thrown = new Error("x");
  const { outcome, output, error } = await runTask(() => Promise.reject(thrown));
  expect(outcome).toMatchObject({ state: "retrying", delayMs: 1_000 });
  expect(output).toBeNull();
  expect(error).toMatchObject({ name: "Error", message: "x", thrown });
});

test("the payload is checked as in a process", async () => {
  const { outcome, error } = await runTask(greet, { name: 5 });
  expect(outcome.state).toBe("failed");
  expect(error?.message).toContain("$.name");
});

test("the payload goes through JSON", async () => {
  const { output } = await runTask((payload: { at: string }) => payload, { at: new Date(0) });
  expect(output).toEqual({ at: "1970-01-01T00:00:00.000Z" });
});

describe("overrides", () => {
  test("set the attempt, and the task's maxAttempts holds", async () => {
    const last = await runTask(greet, { name: "x" }, { attempt: 2, pool: undefined as never });
    expect(last.outcome.state).toBe("completed");
    const task = defineTask({ retry: { maxAttempts: 2 }, handler: () => Promise.reject(1) });
    expect((await runTask(task, {}, { attempt: 1 })).outcome.state).toBe("retrying");
    expect((await runTask(task, {}, { attempt: 2 })).outcome.state).toBe("failed");
    const more = await runTask(task, {}, { attempt: 2, maxAttempts: 5 });
    expect(more.outcome.state).toBe("retrying");
  });

  test("set the timeout and its grace", async () => {
    const { error } = await runTask(
      () => new Promise(() => {}),
      {},
      {
        timeout: 10,
        timeoutGrace: 10,
      },
    );
    expect(error?.name).toBe("TaskTimeoutError");
  });

  test("set a signal that stops the attempt", async () => {
    const stop = new AbortController();
    const running = runTask(
      () => new Promise(() => {}),
      {},
      {
        signal: stop.signal,
        timeoutGrace: 5,
      },
    );
    stop.abort(new CancelledError("enough"));
    expect((await running).outcome).toEqual({ state: "cancelled", reason: "enough" });
  });

  test("say what has become of jobs that it waits for; others have not ended", async () => {
    const handler = (_: unknown, ctx: TaskContext) => ctx.waitFor(["7", "8"]);
    const gone = { "7": { task: "sum", output: 3 }, "8": { task: null, state: null } } as const;
    expect((await runTask(handler, {}, { jobs: gone })).output).toEqual([
      { id: "7", task: "sum", state: "completed", output: 3, error: null },
      { id: "8", task: null, state: null, output: null, error: null },
    ]);
    const { outcome } = await runTask(handler, {}, { jobs: { "8": { state: "failed" } } });
    expect(outcome).toEqual({ state: "waiting", jobs: ["7"] });
  });

  test("set a pool", async () => {
    const pool = { query: async () => ({ rows: [{ n: 7 }] }) } as unknown as Pool;
    const handler = async (
      _: unknown,
      ctx: { query(text: string): Promise<{ rows: unknown[] }> },
    ) => (await ctx.query("select 7 as n")).rows[0];
    expect((await runTask(handler, {}, { pool })).output).toEqual({ n: 7 });
  });

  test("set the config's classify", async () => {
    const classify = () => "permanent" as const;
    const { outcome } = await runTask(() => Promise.reject(1), {}, { classify });
    expect(outcome.state).toBe("failed");
  });
});

test("a definition that is wrong is thrown, not run", async () => {
  const wrong = { ...greet, timeout: "soon" };
  await expect(runTask(wrong, { name: "x" })).rejects.toThrow('timeout: got "soon", expected');
});

test("steps of attempts before are given; those that are done are told, undone ones too", async () => {
  const trip = defineTask({
    handler: async (payload: { fails: boolean }, ctx) => {
      await ctx.step("reserve", () => "13B", { compensate: () => {} });
      await ctx.step("charge", () => 4900);
      if (payload.fails) throw new PermanentError("no");
    },
  });
  const steps = [{ name: "reserve", result: "12A" }];
  const done = await runTask(trip, { fails: false }, { steps });
  expect(done.steps).toEqual([
    { name: "reserve", result: "12A", compensated: false },
    { name: "charge", result: 4900, compensated: false },
  ]);
  const failed = await runTask(trip, { fails: true }, { steps });
  expect(failed.steps.map(({ compensated }) => compensated)).toEqual([true, false]);
});
