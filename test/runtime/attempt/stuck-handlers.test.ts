import { describe, expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { createEvents } from "../../../src/core/events.ts";
import { readStuckCount, StuckHandlers } from "../../../src/runtime/attempt/stuck-handlers.ts";
import { startAttempt } from "../../support/start-attempt.ts";

interface Told {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly text: string;
}

function stuckHandlers() {
  const told: Told[] = [];
  const events = createEvents(() => undefined);
  const write = (level: string) => (fields: object, text?: string) =>
    void told.push({ level, fields: { ...fields }, text: text ?? "" });
  // why: it calls no other method of a logger
  const logger = { warn: write("warn"), info: write("info") } as never;
  const heard: string[] = [];
  events.on("attempt:abandoned", ({ job, hangs }) => heard.push(`${job.id} ${hangs}`));
  return { stuck: new StuckHandlers({ logger, events }), told, heard };
}

async function outlast(use: (ctx: TaskContext) => unknown) {
  const { stuck, told, heard } = stuckHandlers();
  const end = Promise.withResolvers<void>();
  const { outcome } = startAttempt(
    {
      timeout: 10,
      handler: async (_: unknown, ctx: TaskContext) => {
        await use(ctx);
        await end.promise;
      },
    },
    { services: { stuck } },
  );
  const state = await outcome;
  return { state, stuck, told, heard, end };
}

describe("a handler that ignores its signal", () => {
  test("is told with its job, how long it ran and why, and counted until it ends", async () => {
    const { state, stuck, told, heard, end } = await outlast(() => null);
    expect(state).toMatchObject({ state: "retrying", error: { message: "timed out after 10ms" } });
    expect(told).toMatchObject([
      {
        level: "warn",
        text: expect.stringMatching(/^stuck: /),
        fields: {
          jobId: "17",
          task: "example",
          why: "timed out after 10ms",
          hangs: "in something of its own: it has not used its context",
          stuck: 1,
        },
      },
    ]);
    expect(told[0]?.fields.ranMs).toBeGreaterThanOrEqual(25);
    expect(readStuckCount(stuck.buffer)).toBe(1);
    expect(heard).toEqual(["17 in something of its own: it has not used its context"]);
    end.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(stuck.count).toBe(0);
    expect(readStuckCount(stuck.buffer)).toBe(0);
    expect(told[1]).toMatchObject({ level: "info", fields: { jobId: "17", stuck: 0 } });
  });

  test("in a call of its context: that is where it hangs", async () => {
    const { told } = await outlast((ctx) => ctx.step("charge", () => new Promise(() => {})));
    expect(told[0]?.fields.hangs).toMatch(/^in ctx\.step\(charge\), for [\dms]+$/);
  });

  test("after one: what it used last is named", async () => {
    const { told } = await outlast((ctx) => ctx.enqueue("other"));
    expect(told[0]?.fields.hangs).toMatch(
      /^in something of its own, for [\dms]+: since ctx\.enqueue\(other\) was answered$/,
    );
  });
});

test("a handler that hears its signal is not stuck", async () => {
  const { stuck, told } = stuckHandlers();
  const { outcome } = startAttempt(
    { timeout: 10, handler: (_: unknown, ctx: TaskContext) => ctx.abortPromise },
    { services: { stuck } },
  );
  await outcome;
  expect([stuck.count, told]).toEqual([0, []]);
});
