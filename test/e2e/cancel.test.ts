import { afterEach, expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { stopped } from "../support/start-attempt.ts";
import { signal, testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
afterEach(() => kit?.stop());

async function cancelBySql(id: string): Promise<string> {
  const { rows } = await kit.db.query("select taskrun.cancel_job($1, 'left', 'ann') as state", [
    id,
  ]);
  return rows[0].state;
}

/** Two steps, each to be undone; then `then`. */
function order(undone: string[], then: (ctx: TaskContext) => Promise<unknown>) {
  return {
    retry: { maxAttempts: 5, baseDelay: "1h" },
    handler: async (_: unknown, ctx: TaskContext) => {
      for (const name of ["reserve", "charge"]) {
        await ctx.step(name, () => name, { compensate: (result) => void undone.push(result) });
      }
      return then(ctx);
    },
  };
}

const cancelled = { state: "cancelled", error: "left (cancelled by ann)" };

async function endings(): Promise<unknown[]> {
  const { rows } = await kit.db.query("select state from taskrun.history");
  return rows;
}

test("a cancelled job that runs undoes its steps, in reverse, before it ends", async () => {
  const undone: string[] = [];
  const running = signal();
  const wait = async (ctx: TaskContext) => {
    running.resolve();
    await stopped(ctx.signal);
  };
  kit = await testRuntime({ order: order(undone, wait) });
  const runtime = kit.createRuntime();
  await runtime.start();
  const ended = new Promise((resolve) => runtime.events.on("attempt:finished", resolve));
  const { id } = await kit.enqueue("order");
  await running.promise;
  expect(await cancelBySql(id)).toBe("cancelling");
  expect(await ended).toMatchObject({ state: "cancelled" });
  await runtime.stop();
  expect(undone).toEqual(["charge", "reserve"]);
  expect(await kit.job(id)).toMatchObject(cancelled);
  expect(await endings()).toEqual([{ state: "cancelled" }]);
});

test("a cancelled job that waits for its retry runs at once to undo its steps, then ends", async () => {
  const undone: string[] = [];
  const fail = () => Promise.reject(new Error("not today"));
  kit = await testRuntime({ order: order(undone, fail) });
  const { id } = await kit.enqueue("order");
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({ state: "retrying" });
  expect(await cancelBySql(id)).toBe("cancelling");
  await kit.drain();
  expect(undone).toEqual(["charge", "reserve"]);
  expect(await kit.job(id)).toMatchObject(cancelled);
  expect(await endings()).toEqual([{ state: "cancelled" }]);
});

test("a job that was undone and is retried does all its steps anew", async () => {
  const undone: string[] = [];
  let broken = true;
  const then = async () => {
    if (broken) throw new Error("not today");
    return "sent";
  };
  kit = await testRuntime({ order: order(undone, then) });
  const { id } = await kit.enqueue("order");
  await kit.drain();
  await cancelBySql(id);
  await kit.drain();
  broken = false;
  await kit.db.query("select taskrun.retry_job($1)", [id]);
  await kit.drain();
  expect(await kit.job(id)).toMatchObject({ state: "completed", output: "sent", error: null });
  expect(undone).toEqual(["charge", "reserve"]);
  expect(await endings()).toEqual([{ state: "completed" }]);
});
