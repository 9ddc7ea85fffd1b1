import { runTask } from "taskrun/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { TaskContext } from "../../../src/core/context.ts";
import type { JobEnding } from "../../../src/core/job.ts";
import { defineTask } from "../../../src/core/task.ts";
import { CancelledError, PermanentError } from "../../../src/core/task-errors.ts";
import { addBySql, signal, testRuntime } from "../../support/test-runtime.ts";

type Call = [payload: unknown, error: unknown];

function listening(definition: object) {
  const calls: Call[] = [];
  const onFailed = (payload: unknown, _ctx: TaskContext, error: unknown) => {
    calls.push([payload, error]);
  };
  return { task: defineTask({ onFailed, handler() {}, ...definition }), calls };
}

describe("onFailed", () => {
  test("is called once, after the last attempt, with what was thrown", async () => {
    const error = new Error("no luck");
    const { task, calls } = listening({
      retry: { baseDelay: 0 },
      payload: z.object({ n: z.coerce.number() }),
      handler() {
        throw error;
      },
    });
    await using kit = await testRuntime({ task });
    const id = await addBySql(kit, "task", { n: "7" }, "max_attempts := 3");
    await kit.drain();
    expect(calls).toEqual([[{ n: 7 }, error]]);
    expect(await kit.job(id)).toMatchObject({ state: "failed", attempts: 3 });
  });

  test("gets the payload as it was queued when that broke its schema", async () => {
    const { task, calls } = listening({ payload: z.object({ n: z.number() }) });
    await runTask(task, { n: "x" });
    expect(calls).toMatchObject([[{ n: "x" }, { name: "InvalidPayloadError" }]]);
  });

  test("is not called for other endings", async () => {
    const endings = [
      () => "fine",
      (_: unknown, ctx: TaskContext) => ctx.cancel("no"),
      (_: unknown, ctx: TaskContext) => ctx.snooze("1s"),
      () => {
        throw new Error("again");
      },
    ];
    for (const handler of endings) {
      const { task, calls } = listening({ handler });
      await runTask(task);
      expect(calls).toEqual([]);
    }
  });

  test("that throws is logged and changes nothing", async () => {
    const { outcome, logs } = await runTask(
      defineTask({
        onFailed: () => {
          throw new Error("pager is down");
        },
        handler: () => {
          throw new PermanentError("over");
        },
      }),
    );
    expect(outcome).toMatchObject({ state: "failed", error: { message: "over" } });
    expect(logs).toContainEqual(
      expect.objectContaining({
        level: "error",
        message: "onFailed failed",
        err: expect.objectContaining({ message: "pager is down" }),
      }),
    );
  });

  test("that hangs is left after the task's timeout; its signal had not been aborted before", async () => {
    const seen: unknown[] = [];
    const { outcome, logs } = await runTask(
      defineTask({
        onFailed: (_: unknown, ctx: TaskContext) => {
          seen.push(ctx.signal.aborted);
          return new Promise(() => {});
        },
        handler: async (_: unknown, ctx: TaskContext) => ctx.abortPromise,
      }),
      {},
      { timeout: 20, timeoutGrace: 10, maxAttempts: 1 },
    );
    expect(outcome).toMatchObject({ state: "failed", error: { name: "TaskTimeoutError" } });
    expect(seen).toEqual([false]);
    expect(logs.map(({ message }) => message)).toContain("onFailed failed");
  });

  test("has a signal of its own beside a handler that goes on after its timeout", async () => {
    const seen: boolean[] = [];
    let handlers: TaskContext | undefined;
    await runTask(
      defineTask({
        onFailed: (_: unknown, ctx: TaskContext) => {
          seen.push(ctx.signal.aborted, handlers?.signal.aborted === true);
        },
        handler: async (_: unknown, ctx: TaskContext) => {
          handlers = ctx;
          return new Promise(() => {});
        },
      }),
      {},
      { timeout: 20, timeoutGrace: 10, maxAttempts: 1 },
    );
    expect(seen).toEqual([false, true]);
  });

  test("runs after the steps are undone, and can't begin others", async () => {
    const log: string[] = [];
    await runTask(
      defineTask({
        onFailed: async (_: unknown, ctx: TaskContext) => {
          log.push("failed");
          await ctx.step("more", () => log.push("more")).catch((error) => log.push(error.name));
        },
        handler: async (_: unknown, ctx: TaskContext) => {
          await ctx.step("a", () => 1, { compensate: () => log.push("undo a") });
          throw new PermanentError("over");
        },
      }),
    );
    expect(log).toEqual(["undo a", "failed", "StepError"]);
  });
});

describe("a job whose end was decided before", () => {
  const ending: JobEnding = { state: "cancelled", error: null, reason: "not wanted" };
  const steps = [
    { name: "a", result: { id: 1 } },
    { name: "b", result: 2 },
  ];

  function saga(log: unknown[]) {
    return async (_: unknown, ctx: TaskContext) => {
      const a = await ctx.step("a", () => log.push("run a"), {
        compensate: (result) => log.push(["undo a", result]),
      });
      log.push(["between", a]);
      await ctx.step("b", () => log.push("run b"), {
        compensate: (result) => log.push(["undo b", result]),
      });
      await ctx.step("c", () => log.push("run c"), { compensate: () => log.push("undo c") });
      log.push("end");
    };
  }

  test("has its handler lead through what is done, and undone it is", async () => {
    const log: unknown[] = [];
    const run = await runTask(saga(log), {}, { steps, job: { ending } });
    expect(run.outcome).toEqual({ state: "cancelled", reason: "not wanted" });
    expect(log).toEqual([
      ["between", { id: 1 }],
      ["undo b", 2],
      ["undo a", { id: 1 }],
    ]);
    expect(run.steps).toEqual(steps.map((step) => ({ ...step, compensated: true })));
  });

  test("is not aborted by another cancel", async () => {
    const log: unknown[] = [];
    const signal = AbortSignal.abort(new CancelledError("again"));
    const { outcome } = await runTask(saga(log), {}, { steps, signal, job: { ending } });
    expect(outcome).toEqual({ state: "cancelled", reason: "not wanted" });
    expect(log).toHaveLength(3);
  });

  test("ends as decided at once when nothing is left to undo", async () => {
    const error = { name: "TypeError", message: "was undefined", stack: null, rule: "default" };
    let ran = false;
    const { outcome } = await runTask(
      () => {
        ran = true;
      },
      {},
      { job: { ending: { state: "failed", error, reason: null } } },
    );
    expect(outcome).toMatchObject({ state: "failed", error });
    expect(ran).toBe(false);
  });
});

test("a job that is given back while its steps are undone waits for nothing", async () => {
  const inside = signal();
  await using kit = await testRuntime({
    order: async (_: unknown, ctx: TaskContext) => {
      await ctx.step("hold", () => 1, {
        compensate: () => {
          inside.resolve();
          return new Promise(() => {});
        },
      });
      throw new PermanentError("no");
    },
  });
  const id = await addBySql(kit, "order");
  const runtime = kit.createRuntime({ shutdownGraceMs: 0, shutdownDeadlineMs: 50 });
  await runtime.start();
  await inside.promise;
  await runtime.stop();
  expect(await kit.job(id)).toMatchObject({ state: "retrying", attempts: 0, process: null });
});
