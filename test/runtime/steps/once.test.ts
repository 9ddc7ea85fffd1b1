import { runTask } from "taskrun/testing";
import { describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { addBySql, addManyBySql, signal, testRuntime } from "../../support/test-runtime.ts";

test("of many jobs with one key the function runs once, and all get its result", async () => {
  let runs = 0;
  const pay = async (_: unknown, ctx: TaskContext) =>
    ctx.once("invoice-7", async () => {
      runs += 1;
      return { receipt: `r${runs}` };
    });
  await using kit = await testRuntime({ pay });
  await addManyBySql(kit, "pay", 50);
  await kit.drain();
  // Those that came while it ran are put off for a second.
  await kit.db.query("update graphile_worker._private_jobs set run_at = now()");
  await kit.drain();
  const { rows } = await kit.db.query(
    "select state, output, max(attempts) as attempts, count(*)::int as n from taskrun.jobs group by 1, 2",
  );
  expect(rows).toEqual([{ state: "completed", output: { receipt: "r1" }, attempts: 1, n: 50 }]);
  expect(runs).toBe(1);
});

test("while another job is at it, a job is put off without an attempt", async () => {
  const inside = signal();
  const go = signal();
  await using kit = await testRuntime({
    slow: async (_: unknown, ctx: TaskContext) =>
      ctx.once("k", async () => {
        inside.resolve();
        await go.promise;
        return "slow";
      }),
    other: async (_: unknown, ctx: TaskContext) => ctx.once("k", () => "other"),
  });
  const slow = await addBySql(kit, "slow");
  // The stop waits for the one that is at it.
  const runtime = kit.createRuntime({ shutdownGraceMs: 60_000 });
  await runtime.start();
  await inside.promise;
  const other = await addBySql(kit, "other");
  await expect.poll(() => kit.job(other)).toMatchObject({ state: "scheduled", attempts: 0 });
  go.resolve();
  await runtime.stop();
  expect(await kit.job(slow)).toMatchObject({ output: "slow" });
  await kit.db.query("update graphile_worker._private_jobs set run_at = now()");
  await kit.drain();
  expect(await kit.job(other)).toMatchObject({ state: "completed", output: "slow" });
});

test("a function that threw leaves the key free", async () => {
  let runs = 0;
  await using kit = await testRuntime({
    pay: {
      retry: { baseDelay: 0 },
      handler: async (_: unknown, ctx: TaskContext) =>
        ctx.once("k", () => {
          runs += 1;
          if (runs === 1) throw new Error("declined");
          return runs;
        }),
    },
  });
  const id = await addBySql(kit, "pay");
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({ state: "completed", output: 2 });
});

describe("in a test without a database", () => {
  test("a key asked for twice is run once, also at the same time", async () => {
    let runs = 0;
    const { output } = await runTask(async (_: unknown, ctx: TaskContext) => {
      const ask = () => ctx.once("k", async () => ++runs);
      return [...(await Promise.all([ask(), ask()])), await ask()];
    });
    expect(output).toEqual([1, 1, 1]);
  });

  test.each([
    ["", "the key of ctx.once(key, fn) must be a text that is not empty"],
    ["x".repeat(513), "the key of ctx.once has 513 characters, more than 512"],
    ["\ud800", "the key of ctx.once can't be stored by Postgres"],
  ])("the key %j is refused", async (key, message) => {
    const { outcome, error } = await runTask((_: unknown, ctx: TaskContext) =>
      ctx.once(key, () => 1),
    );
    expect(outcome.state).toBe("failed");
    expect(error?.message).toContain(message);
  });

  test.each([
    ["a BigInt", 1n, "a BigInt at $; return it as a string"],
    ["a Date", { at: new Date(0) }, "a Date, which would come back as a string"],
    ["a Map", [new Map()], "an instance of Map, which would come back as a plain object, at $[0]"],
    ["NaN", { n: Number.NaN }, "NaN at $.n"],
    ["a function", { f: () => 1 }, "function at $.f"],
    ["an object with toJSON", { toJSON: () => 1 }, "an object with toJSON at $"],
  ])("as a result %s is refused as in a step, with its place", async (_, result, fault) => {
    let runs = 0;
    const { error, outcome } = await runTask((_: unknown, ctx: TaskContext) =>
      ctx.once("k", () => {
        runs += 1;
        return result;
      }),
    );
    expect(error?.message).toContain(`the result of ctx.once("k") can't be kept: ${fault}`);
    expect(outcome.state).toBe("failed");
    expect(runs).toBe(1);
  });
});
