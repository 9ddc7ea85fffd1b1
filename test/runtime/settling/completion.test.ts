/** `ctx.complete`: what a handler writes and its job's end, in one transaction. */

import type { PoolClient } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { TaskContext } from "../../../src/core/context.ts";
import { secret } from "../../../src/core/secret.ts";
import type { TestRuntime } from "../../../src/testing/create-test-runtime.ts";
import { testRuntime } from "../../support/test-runtime.ts";

type Use = (client: PoolClient, ctx: TaskContext) => Promise<unknown>;

/** In a transaction that is rolled back when `use` throws. */
async function inTransaction(ctx: TaskContext, use: Use): Promise<unknown> {
  return ctx.withPgClient(async (client) => {
    await client.query("begin");
    try {
      await client.query("insert into effects values ($1)", [ctx.jobId]);
      const result = await use(client, ctx);
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback");
      throw error;
    }
  });
}

const once = { retry: { maxAttempts: 1 } };
const completes = (ctx: TaskContext) => (client: PoolClient) => ctx.complete(client, { done: 1n });

const tasks = {
  plain: async (_: unknown, ctx: TaskContext) => {
    await inTransaction(ctx, completes(ctx));
    return "not this";
  },
  throws_inside: {
    retry: { strategy: "fixed", baseDelay: 0 },
    handler: (_: unknown, ctx: TaskContext) =>
      inTransaction(ctx, async (client) => {
        await ctx.complete(client);
        if (ctx.attempt === 1) throw new Error("after ctx.complete, before the commit");
      }),
  },
  swallows: {
    ...once,
    handler: async (_: unknown, ctx: TaskContext) => {
      const undone = inTransaction(ctx, async (client) => {
        await ctx.complete(client);
        throw new Error("rolls back");
      });
      await undone.catch(() => {});
      return "all is well";
    },
  },
  throws_after: {
    ...once,
    handler: async (_: unknown, ctx: TaskContext) => {
      await inTransaction(ctx, completes(ctx));
      throw new Error("too late to matter");
    },
  },
  hangs_after: {
    ...once,
    timeout: "3s",
    handler: async (_: unknown, ctx: TaskContext) => {
      await inTransaction(ctx, completes(ctx));
      await new Promise(() => {});
    },
  },
  twice: {
    ...once,
    handler: (_: unknown, ctx: TaskContext) =>
      inTransaction(ctx, async (client) => {
        await ctx.complete(client);
        await ctx.complete(client);
      }),
  },
  given_away: {
    ...once,
    handler: async (_: unknown, ctx: TaskContext) => {
      const text = "update graphile_worker._private_jobs set locked_by = 'another' where id = $1";
      await ctx.query(text, [ctx.jobId]);
      await inTransaction(ctx, completes(ctx));
    },
  },
  secretive: {
    ...once,
    payload: z.object({ key: secret(z.string()) }),
    handler: ({ key }: { key: string }, ctx: TaskContext) =>
      inTransaction(ctx, (client) => ctx.complete(client, { echoes: `with ${key}` })),
  },
  traceless: {
    ...once,
    retain: 0,
    handler: (_: unknown, ctx: TaskContext) => inTransaction(ctx, completes(ctx)),
  },
};

let runtime: TestRuntime;

beforeAll(async () => {
  runtime = await testRuntime(tasks, { timeoutGraceMs: 50 });
  await runtime.db.query("create table effects (job text)");
});

afterAll(() => runtime.stop());

async function run(task: string, options = {}) {
  const { id } = await runtime.enqueue(task, {}, options);
  const counts = await runtime.drain();
  const { rows } = await runtime.db.query("select 1 from effects where job = $1", [id]);
  return { job: await runtime.job(id), effects: rows.length, counts };
}

test("both are committed together, and the output is the one that was given", async () => {
  const { job, effects, counts } = await run("plain", { key: "k", metadata: { a: 1 } });
  expect({ effects, counts }).toMatchObject({ effects: 1, counts: { completed: 1, failed: 0 } });
  expect(job).toMatchObject({ state: "completed", output: { done: "1n" }, attempts: 1 });
});

test("both are rolled back together, and the next attempt does both", async () => {
  const { job, effects } = await run("throws_inside");
  expect({ effects, job }).toMatchObject({ effects: 1, job: { state: "completed", attempts: 2 } });
});

test("a handler that hides the rollback has not completed its job", async () => {
  const { job, effects } = await run("swallows");
  expect(effects).toBe(0);
  expect(job).toMatchObject({ state: "failed", error: expect.stringContaining("not committed") });
});

test.each(["throws_after", "hangs_after"])(
  "once committed nothing changes it: %s",
  async (task) => {
    const { job, effects, counts } = await run(task);
    expect({ effects, counts }).toMatchObject({ effects: 1, counts: { completed: 1, failed: 0 } });
    expect(job).toMatchObject({ state: "completed", output: { done: "1n" } });
  },
);

test("a second call is refused, and nothing was done", async () => {
  const { job, effects } = await run("twice");
  expect({ effects, job }).toMatchObject({ effects: 0, job: { state: "failed" } });
  expect(job?.error).toContain("ctx.complete was called before");
});

test("a job that was given away meanwhile is neither ended nor worked on", async () => {
  const { effects, job } = await run("given_away");
  expect({ effects, state: job?.state }).toEqual({ effects: 0, state: "running" });
});

test("also of a job that leaves no trace", async () => {
  const { job, effects, counts } = await run("traceless");
  expect({ job, effects, counts }).toMatchObject({
    job: null,
    effects: 1,
    counts: { completed: 1 },
  });
});

test("its record has no secrets", async () => {
  const { id } = await runtime.enqueue("secretive", { key: "sesame-2026" });
  await runtime.drain();
  const job = await runtime.job(id);
  expect(job?.state).toBe("completed");
  expect(JSON.stringify(job)).not.toContain("sesame");
});

test("the next job of its serial queue runs", async () => {
  const first = await runtime.enqueue("plain", {}, { queue: "serial" });
  const second = await runtime.enqueue("plain", {}, { queue: "serial" });
  await runtime.drain();
  for (const { id } of [first, second]) {
    expect(await runtime.job(id)).toMatchObject({ state: "completed" });
  }
});
