import { describe, expect, test } from "vitest";
import { asLayer, compose, type Layer } from "../../src/core/compose.ts";
import { defineTask } from "../../src/core/task.ts";
import { runTask } from "../../src/testing/run-task.ts";

describe("compose", () => {
  function tracing(name: string, trace: string[]): Layer {
    return (attempt, next) => {
      trace.push(`${name} in`);
      const result = next(attempt);
      trace.push(`${name} out`);
      return result;
    };
  }

  test("the first layer is the outermost", () => {
    const trace: string[] = [];
    const run = compose([tracing("a", trace), tracing("b", trace)], () => {
      trace.push("handler");
      return 7;
    });

    expect(run(undefined as never)).toBe(7);
    expect(trace).toEqual(["a in", "b in", "handler", "b out", "a out"]);
  });

  test("without layers the handler alone is left", () => {
    expect(compose([], () => 7)(undefined as never)).toBe(7);
  });
});

describe("a user's middleware", () => {
  test("gets the context and a promise of what is inside, and may replace it", async () => {
    const task = defineTask({
      middleware: [async (ctx, next) => ({ job: ctx.jobId, inside: await next() })],
      handler: () => "sync",
    });
    expect((await runTask(task)).output).toEqual({ job: "1", inside: "sync" });
  });

  test("sees what the handler throws as a rejection, also when it throws at once", async () => {
    const task = defineTask({
      middleware: [(_ctx, next) => next().catch((error) => `caught ${error.message}`)],
      handler() {
        throw new Error("x");
      },
    });
    expect((await runTask(task)).output).toBe("caught x");
  });

  test("may leave the handler out", async () => {
    let ran = false;
    const task = defineTask({
      middleware: [async () => "instead"],
      handler() {
        ran = true;
      },
    });
    expect((await runTask(task)).output).toBe("instead");
    expect(ran).toBe(false);
  });

  test("that calls next() twice fails by name, and the handler ran once", async () => {
    let runs = 0;
    const task = defineTask({
      middleware: [
        async function impatient(_ctx, next) {
          await next();
          return next();
        },
      ],
      handler() {
        runs += 1;
      },
    });
    const { error } = await runTask(task, {}, { name: "send_email" });
    expect(error?.message).toBe(
      "The middleware impatient called next() twice in task send_email. " +
        "Call next() once and keep the promise it returned.",
    );
    expect(runs).toBe(1);
  });

  test("each attempt may call next()", async () => {
    const layer = asLayer((_ctx, next) => next());
    const run = compose([layer], () => 1);
    const attempt = { ctx: {}, task: { name: "x" } } as never;

    expect([await run(attempt), await run(attempt)]).toEqual([1, 1]);
  });
});
