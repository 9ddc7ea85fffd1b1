import { setTimeout as wait } from "node:timers/promises";
import { defineTask } from "taskrun";
import { runTask } from "taskrun/testing";
import { describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { addBySql, signal, testRuntime } from "../../support/test-runtime.ts";

type Handler = (payload: unknown, ctx: TaskContext) => unknown;

describe("on a database", () => {
  test("a step that is done is not run again, and gives what it gave", async () => {
    const runs: string[] = [];
    const seen: unknown[] = [];
    await using kit = await testRuntime({
      order: {
        retry: { baseDelay: 0 },
        handler: async (_: unknown, ctx: TaskContext) => {
          const a = await ctx.step("a", () => {
            runs.push("a");
            return { id: 17, tags: ["x", null], nothing: undefined };
          });
          const b = await ctx.step("b", async () => {
            runs.push("b");
          });
          const c = await ctx.step("c", () => {
            runs.push("c");
            return null;
          });
          seen.push([a.id, a.tags, b, c]);
          await ctx.step("d", () => {
            runs.push("d");
            if (ctx.attempt === 1) throw new Error("not yet");
          });
          return "done";
        },
      },
    });
    const id = await addBySql(kit, "order");
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: "done", attempts: 2 });
    expect(runs).toEqual(["a", "b", "c", "d", "d"]);
    const given = [17, ["x", null], undefined, null];
    expect(seen).toEqual([given, given]);
    const { rows } = await kit.db.query(
      "select name, state, result::text, attempt from taskrun.steps order by position",
    );
    expect(rows).toEqual([
      { name: "a", state: "done", result: '{"id":17,"tags":["x",null]}', attempt: 1 },
      { name: "b", state: "done", result: null, attempt: 1 },
      { name: "c", state: "done", result: "null", attempt: 1 },
      { name: "d", state: "done", result: null, attempt: 2 },
    ]);
  });

  test("steps may run at the same time; those that are done are kept when another fails", async () => {
    const runs: string[] = [];
    await using kit = await testRuntime({
      fan: {
        retry: { baseDelay: 0 },
        handler: async (_: unknown, ctx: TaskContext) => {
          const one = (n: number) =>
            ctx.step(`part ${n}`, async () => {
              runs.push(`${n}`);
              if (n === 2 && ctx.attempt === 1) throw new Error("part 2 failed");
              // Outlasts the handler, which has failed by then.
              await wait(30);
              return n;
            });
          return Promise.all([one(1), one(2), one(3)]);
        },
      },
    });
    const id = await addBySql(kit, "fan");
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: [1, 2, 3], attempts: 2 });
    expect(runs).toEqual(["1", "2", "3", "2"]);
  });

  test("a result survives connections that are lost while it is written", async () => {
    let runs = 0;
    await using kit = await testRuntime({
      order: async (_: unknown, ctx: TaskContext) => {
        for (const n of [1, 2, 3, 4, 5]) {
          await ctx.step(`part ${n}`, async () => {
            runs += 1;
            await ctx.query(
              `select pg_terminate_backend(pid) from pg_stat_activity
               where application_name = 'taskrun queue' and datname = current_database()`,
            );
          });
        }
        return "done";
      },
    });
    const id = await addBySql(kit, "order");
    await kit.drain();
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: "done", attempts: 1 });
    expect(runs).toBe(5);
  });

  test("a step of an attempt whose job was given away keeps nothing and ends it", async () => {
    const given = signal();
    const inside = signal();
    let reason: unknown;
    await using kit = await testRuntime({
      slow: async (_: unknown, ctx: TaskContext) => {
        if (ctx.attempt > 1) return ctx.step("s", () => "second");
        await ctx
          .step("s", async () => {
            inside.resolve();
            await given.promise;
            return "first";
          })
          .catch(() => {});
        reason = ctx.signal.reason;
        return "first";
      },
    });
    const id = await addBySql(kit, "slow");
    const runtime = kit.createRuntime();
    const lost = signal();
    runtime.events.on("attempt:lost", () => lost.resolve());
    await runtime.start();
    await inside.promise;
    await kit.db.query(
      "update graphile_worker._private_jobs set locked_at = null, locked_by = null",
    );
    given.resolve();
    await lost.promise;
    await runtime.stop();
    await kit.drain();
    expect(reason).toMatchObject({
      name: "ShutdownError",
      message: "the job was given to another process",
    });
    expect(await kit.job(id)).toMatchObject({ state: "completed", output: "second" });
    const { rows } = await kit.db.query("select attempt, result from taskrun.steps");
    expect(rows).toEqual([{ attempt: 2, result: "second" }]);
  });

  test("a job that another add has replaced begins its steps anew", async () => {
    const runs: unknown[] = [];
    const task = {
      retry: { baseDelay: "1h" },
      handler: async ({ n }: { n: number }, ctx: TaskContext) => {
        await ctx.step("charge", () => runs.push(n));
        if (n === 1) throw new Error("later");
      },
    };
    await using kit = await testRuntime({ pay: task });
    // By graphile-worker's own function: ours forgets a replaced job's steps by itself.
    const add = (n: number) => addBySql(kit, "pay", { n }, "job_key := 'order-1'");
    const first = await add(1);
    await kit.drain();
    // The same work once more: nothing is run again.
    await add(1);
    await kit.drain();
    expect(runs).toEqual([1]);
    expect(await add(2)).toBe(first);
    await kit.drain();
    expect(runs).toEqual([1, 2]);
  });
});

describe("what can't be a step", () => {
  async function failure(handler: Handler) {
    const { error, outcome } = await runTask(handler);
    expect(outcome.state).toBe("failed");
    expect(error?.name).toBe("StepError");
    return error?.message;
  }

  test("the same name twice in an attempt, also at the same time", async () => {
    const twice: Handler = async (_, ctx) => {
      await Promise.all([ctx.step("mail", () => 1), ctx.step("mail", () => 2)]);
    };
    expect(await failure(twice)).toBe(
      'a step "mail" was used before in this attempt. Number them: "mail 2"',
    );
  });

  test.each([
    ["", "a step's name must be a text that is not empty"],
    [undefined, "a step's name must be a text that is not empty"],
    ["x".repeat(201), "a step's name has 201 characters, more than 200"],
    ["a\0b", "a step's name has characters that Postgres can't store"],
  ])("the name %j", async (name, message) => {
    const handler: Handler = (_, ctx) => ctx.step(name as string, () => 1); // why: from plain JS
    expect(await failure(handler)).toContain(message);
  });

  test("a result that would not come back as it was", async () => {
    const handler: Handler = (_, ctx) => ctx.step("order", () => ({ at: new Date() }));
    expect(await failure(handler)).toBe(
      'the result of step "order" can\'t be kept: a Date, which would come back as a string ' +
        "(return it .toISOString()), at $.at",
    );
  });
});

test("a step that threw may be used again in the same attempt", async () => {
  let tries = 0;
  const { output, steps } = await runTask(async (_: unknown, ctx: TaskContext) => {
    const flaky = () =>
      ctx.step("flaky", () => {
        tries += 1;
        if (tries === 1) throw new Error("no");
        return tries;
      });
    return flaky().catch(flaky);
  });
  expect(output).toBe(2);
  expect(steps).toEqual([{ name: "flaky", result: 2, compensated: false }]);
});

test("no step starts once the attempt was told to stop", async () => {
  const stop = new AbortController();
  let ran = false;
  const { outcome } = await runTask(
    async (_: unknown, ctx: TaskContext) => {
      await ctx.step("one", () => stop.abort(new Error("stop")));
      await ctx.step("two", () => {
        ran = true;
      });
    },
    {},
    { signal: stop.signal },
  );
  expect(outcome.state).toBe("retrying");
  expect(ran).toBe(false);
});

test("a step that nobody waits for is waited for and kept", async () => {
  const { steps } = await runTask((_: unknown, ctx: TaskContext) => {
    void ctx.step("left", () => wait(20, "kept"));
    return "handler ended";
  });
  expect(steps).toEqual([{ name: "left", result: "kept", compensated: false }]);
});

test("also under a timeout that is longer than a timer can be", async () => {
  const handler: Handler = (_, ctx) => {
    void ctx.step("left", () => wait(20, "kept"));
  };
  const { steps } = await runTask(defineTask({ timeout: "30d", handler }));
  expect(steps).toEqual([{ name: "left", result: "kept", compensated: false }]);
});

test("steps of attempts before are given to a test and not run", async () => {
  const { output } = await runTask(
    async (_: unknown, ctx: TaskContext) => ctx.step("a", () => "anew"),
    {},
    { attempt: 2, steps: [{ name: "a", result: "before" }] },
  );
  expect(output).toBe("before");
});
