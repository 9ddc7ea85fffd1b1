import { expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import type { Middleware } from "../../src/core/middleware.ts";
import { definePlugin, type PluginHost } from "../../src/core/plugin.ts";
import { signal, testRuntime } from "../support/test-runtime.ts";

/** A plugin whose two services note what becomes of them. */
function noting(happened: string[], faults: { start?: Error; stop?: Error } = {}) {
  const service = (name: string) => ({
    start: async () => {
      happened.push(`${name} starts`);
      if (name === "b" && faults.start) throw faults.start;
    },
    stop: async () => {
      happened.push(`${name} stops`);
      if (name === "b" && faults.stop) throw faults.stop;
    },
  });
  return definePlugin({ name: "noting", services: [service("a"), service("b")] });
}

test("a plugin's services start before the first job and stop after the last handler", async () => {
  const happened: string[] = [];
  const running = signal();
  const task = async (_payload: unknown, ctx: TaskContext) => {
    happened.push("the handler starts");
    running.resolve();
    await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
    happened.push("the handler ends");
  };
  await using kit = await testRuntime({ task }, { plugins: [noting(happened)] });
  const runtime = kit.createRuntime({ shutdownGraceMs: 0 });
  await kit.enqueue("task");
  await runtime.start();
  await running.promise;
  await runtime.stop();

  expect(happened).toEqual([
    "a starts",
    "b starts",
    "the handler starts",
    "the handler ends",
    "b stops",
    "a stops",
  ]);
});

test("a service gets a logger and the handlers' pool, which is open until it has stopped", async () => {
  let host: PluginHost | null = null;
  let answer: unknown;
  const plugin = definePlugin({
    name: "asking",
    services: [
      {
        start: (its) => {
          host = its;
        },
        stop: async () => {
          answer = (await host?.pool.query("select 1 as one"))?.rows;
          host?.log.info("stopped");
        },
      },
    ],
  });
  await using kit = await testRuntime({}, { plugins: [plugin] });
  await kit.drain();
  expect(answer).toEqual([{ one: 1 }]);
});

test("a service that can't start ends the start, and what had been started is stopped", async () => {
  const happened: string[] = [];
  const plugins = [noting(happened, { start: new Error("the port is taken") })];
  await using kit = await testRuntime({}, { plugins });
  const runtime = kit.createRuntime();

  await expect(runtime.start()).rejects.toMatchObject({
    code: "plugin-not-started",
    message: expect.stringContaining("The plugin noting can't be started: the port is taken"),
  });
  await runtime.stop();
  expect(happened).toEqual(["a starts", "b starts", "a stops"]);
});

test("a service that fails to stop, or never does, holds up neither the others nor the end", async () => {
  const happened: string[] = [];
  const stuck = definePlugin({
    name: "stuck",
    services: [{ start: () => {}, stop: () => new Promise(() => {}) }],
  });
  const plugins = [noting(happened, { stop: new Error("no") }), stuck];
  await using kit = await testRuntime({}, { plugins, shutdownDeadlineMs: 50 });
  await kit.drain();
  expect(happened.slice(2)).toEqual(["b stops", "a stops"]);
});

test("listeners hear; one that throws changes nothing", async () => {
  const heard: unknown[] = [];
  const plugin = definePlugin({
    name: "listening",
    listeners: {
      "attempt:finished": ({ job, state }) => {
        heard.push([job.task, state]);
        throw new Error("the listener's own trouble");
      },
    },
  });
  await using kit = await testRuntime({ task: async () => 1 }, { plugins: [plugin] });
  const { id } = await kit.enqueue("task");
  expect(await kit.runJob(id)).toMatchObject({ state: "completed" });
  expect(heard).toEqual([["task", "completed"]]);
});

test("a plugin's middleware is around the config's, in the order of the plugins", async () => {
  const seen: string[] = [];
  const around =
    (name: string): Middleware =>
    (_ctx, next) => {
      seen.push(name);
      return next();
    };
  const plugins = ["one", "two"].map((name) =>
    definePlugin({ name, middleware: [around(name), around(`${name}, inside`)] }),
  );
  const middleware = [around("the config's")];
  await using kit = await testRuntime({ task: async () => 1 }, { plugins, middleware });
  const { id } = await kit.enqueue("task");
  await kit.runJob(id);
  expect(seen).toEqual(["one", "one, inside", "two", "two, inside", "the config's"]);
});
