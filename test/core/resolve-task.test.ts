import { describe, expect, test } from "vitest";
import { z } from "zod";
import { resolveTask, TaskDefinitionError, type TaskLayer } from "../../src/core/resolve-task.ts";
import { defineTask, type TaskDefaults } from "../../src/core/task.ts";

function resolve(definition: unknown, layers: TaskLayer[] = []) {
  const file = "/project/tasks/send_email.ts";
  const source = "tasks/send_email.ts";
  return resolveTask(definition, { name: "send_email", file, source, version: 3, layers });
}

function layer(source: string, defaults: TaskDefaults, middleware: TaskLayer["middleware"] = []) {
  return { source, defaults, middleware };
}

function faultsOf(definition: unknown, layers: TaskLayer[] = []) {
  try {
    resolve(definition, layers);
  } catch (error) {
    if (error instanceof TaskDefinitionError) return error.faults;
    throw error;
  }
  throw new Error("nothing was wrong");
}

const handler = async () => {};

describe("what a task leaves out", () => {
  test("has the documented defaults", () => {
    expect(resolve({ handler })).toMatchObject({
      name: "send_email",
      file: "/project/tasks/send_email.ts",
      version: 3,
      description: null,
      aliases: [],
      payloadSchema: null,
      outputSchema: null,
      middleware: [],
      policies: {
        retry: {
          strategy: "exponential",
          baseDelay: "1s",
          factor: 2,
          maxDelay: "5m",
          jitter: 0.1,
          maxAttempts: 3,
        },
        timeoutMs: 30_000,
        priority: 0,
        queue: null,
        classify: null,
        maxAttempts: 3,
      },
      sources: {
        retry: "default",
        timeoutMs: "default",
        priority: "default",
        queue: "default",
        classify: "default",
        maxAttempts: "default",
      },
    });
  });

  test("comes from the innermost folder that says it, then from the config", () => {
    const config = layer("worker.config.ts", { timeout: "1m", priority: "low" });
    const folder = layer("tasks/_defaults.ts", { timeout: "2m" });
    const { policies, sources } = resolve({ handler, priority: "high" }, [config, folder]);

    expect(policies).toMatchObject({ timeoutMs: 120_000, priority: -10 });
    expect(sources).toMatchObject({
      timeoutMs: "tasks/_defaults.ts",
      priority: "tasks/send_email.ts",
      retry: "default",
    });
  });

  test("is not taken from a layer that says undefined", () => {
    const config = layer("worker.config.ts", { timeout: "1m" });
    const { policies } = resolve({ handler, timeout: undefined }, [config]);
    expect(policies.timeoutMs).toBe(60_000);
  });
});

describe("retry", () => {
  test("options add up over the layers, the inner ones winning", () => {
    const config = layer("worker.config.ts", { retry: { baseDelay: "10s", maxAttempts: 9 } });
    const { policies, sources } = resolve({ handler, retry: { baseDelay: "2s" } }, [config]);

    expect(policies.retry).toMatchObject({ baseDelay: "2s", factor: 2, maxAttempts: 9 });
    expect(policies.maxAttempts).toBe(9);
    expect(sources).toMatchObject({
      retry: "tasks/send_email.ts",
      maxAttempts: "worker.config.ts",
    });
  });

  test("a function stands for all that is outside it", () => {
    const retry = () => "1s";
    const config = layer("worker.config.ts", { retry: { maxAttempts: 9 } });
    const { policies } = resolve({ handler, retry }, [config]);

    expect(policies.retry).toBe(retry);
    expect(policies.maxAttempts).toBe(9);
  });

  test("options inside a function start from the defaults", () => {
    const config = layer("worker.config.ts", { retry: () => "give_up" });
    const { policies } = resolve({ handler, retry: { factor: 3 } }, [config]);
    expect(policies.retry).toMatchObject({ strategy: "exponential", baseDelay: "1s", factor: 3 });
  });
});

describe("what a file exports", () => {
  test("may be what defineTask returned", () => {
    const payload = z.object({ to: z.string() });
    const task = resolve(defineTask({ payload, handler, aliases: ["mail:send"], timeout: false }));
    expect(task.payloadSchema).toBe(payload);
    expect(task.aliases).toEqual(["mail:send"]);
    expect(task.policies.timeoutMs).toBe(false);
  });

  test("may be a plain function", () => {
    const task = resolve((payload: unknown) => ({ got: payload }));
    expect(task.handler(1, undefined as never)).toEqual({ got: 1 });
  });

  test("may have a handler that uses `this`", () => {
    const definition = {
      description: "the task's own",
      handler() {
        return this.description;
      },
    };
    expect(resolve(definition).handler(null, undefined as never)).toBe("the task's own");
  });

  test.each([
    [null, "null"],
    [[], "an array"],
    ["text", "string"],
    [undefined, "undefined"],
  ])("must not be %j", (wrong, kind) => {
    expect(() => resolve(wrong)).toThrow(
      `tasks/send_email.ts: default export: got ${kind}, expected defineTask({ handler })`,
    );
  });
});

test("middleware runs from the config's over the folders' to the task's own", () => {
  const [a, b, c, d] = [1, 2, 3, 4].map(
    () => (_ctx: unknown, next: () => Promise<unknown>) => next(),
  );
  const layers = [layer("worker.config.ts", {}, [a!]), layer("tasks/_middleware.ts", {}, [b!, c!])];
  expect(resolve({ handler, middleware: [d] }, layers).middleware).toEqual([a, b, c, d]);
});

test("aliases are kept once each, and never the name itself", () => {
  const aliases = ["mail", "send_email", "mail"];
  expect(resolve({ handler, aliases }).aliases).toEqual(["mail"]);
});

test("a task can't be changed", () => {
  const task = resolve({ handler });
  expect(Object.isFrozen(task)).toBe(true);
  expect(Object.isFrozen(task.policies)).toBe(true);
});

describe("a definition that is wrong is refused with the option, what it got and what it expects", () => {
  test.each([
    [{ timeout: "30x" }, "timeout", 'got "30x", expected a duration like "30s"'],
    [{ timeout: 0 }, "timeout", "got 0, expected"],
    [{ timeout: true }, "timeout", "got true, expected"],
    [{ priority: "urgent" }, "priority", 'got "urgent", expected "critical", "high"'],
    [{ priority: 1.5 }, "priority", "got 1.5, expected"],
    [{ priority: 40_000 }, "priority", "got 40000, expected"],
    [{ retry: "often" }, "retry", 'got "often", expected an object like { maxAttempts: 5 }'],
    [{ retry: { strategy: "random" } }, "retry.strategy", 'got "random", expected "exponential"'],
    [{ retry: { factor: 0.5 } }, "retry.factor", "got 0.5, expected a number of at least 1"],
    [{ retry: { jitter: 10 } }, "retry.jitter", "got 10, expected a number from 0 to 1"],
    [{ retry: { maxAttempts: 0 } }, "retry.maxAttempts", "got 0, expected a whole number from 1"],
    [{ retry: { maxDelay: Number.NaN } }, "retry.maxDelay", "got NaN, expected a duration"],
    [{ payload: { to: "string" } }, "payload", 'got {"to":"string"}, expected a schema'],
    [{ output: () => {} }, "output", "got a function, expected a schema"],
    [{ queue: "" }, "queue", 'got "", expected a name of 1 to 128 characters'],
    [{ aliases: "mail" }, "aliases", 'got "mail", expected an array of names'],
    [{ aliases: ["x".repeat(129)] }, "aliases", "expected an array of names of 1 to 128"],
    [{ middleware: [1] }, "middleware", "got [1], expected an array of functions"],
    [{ classify: "permanent" }, "classify", 'got "permanent", expected a function'],
    [{ description: 5 }, "description", "got 5, expected a sentence"],
    [{ handler: 5 }, "handler", "got 5, expected a function (payload, ctx)"],
    [{ handler: undefined }, "handler", "missing, expected a function"],
    [{ timeuot: "5s" }, "timeuot", "unknown option, did you mean timeout?"],
    [{ retry: { maxAttemps: 5 } }, "retry.maxAttemps", "did you mean maxAttempts?"],
    [{ frobnicate: 1 }, "frobnicate", "unknown option, expected one of retry, timeout, "],
    [{ toString: 1 }, "toString", "unknown option"],
  ])("%j", (wrong, field, problem) => {
    expect(faultsOf({ handler, ...wrong })).toEqual([
      { source: "tasks/send_email.ts", field, problem: expect.stringContaining(problem) },
    ]);
  });

  test("all faults at once, each with the file that has it", () => {
    const folder = layer("tasks/_defaults.ts", { timeout: "soon" });
    expect(() => resolve({ handler, queue: 5, retries: 3 }, [folder])).toThrow(
      /send_email\.ts: queue: .*; .*send_email\.ts: retries: .*; tasks\/_defaults\.ts: timeout: /,
    );
  });

  test("folder defaults may not hold what only a task can", () => {
    const folder = layer("tasks/_defaults.ts", { queue: "mail" } as TaskDefaults);
    expect(faultsOf({ handler }, [folder])).toMatchObject([{ field: "queue" }]);
  });
});
