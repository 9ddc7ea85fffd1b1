import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { TaskContext } from "../../src/core/context.ts";
import { err } from "../../src/core/result.ts";
import { startAttempt } from "../support/start-attempt.ts";

const payload = z.object({ to: z.email(), count: z.int().default(1) });

describe("the payload", () => {
  test("reaches handler and context as the schema parsed it", async () => {
    const handler = (given: unknown, ctx: TaskContext) => [given, ctx.payload];
    const { outcome } = startAttempt({ payload, handler });
    const parsed = { to: "a@b.co", count: 1 };
    expect(await outcome).toEqual({
      state: "completed",
      outputJson: JSON.stringify([parsed, parsed]),
    });
  });

  test("stays as queued in ctx.job", async () => {
    const handler = (_: unknown, ctx: TaskContext) => ctx.job.payload;
    const { outcome } = startAttempt({ payload, handler });
    expect(await outcome).toMatchObject({ outputJson: '{"to":"a@b.co"}' });
  });

  test("that breaks the schema fails for good, with the path of every issue", async () => {
    let ran = false;
    const handler = () => {
      ran = true;
    };
    const job = { payload: { to: "nobody", count: 1.5 } };
    const outcome = await startAttempt({ payload, handler }, { job }).outcome;
    expect(outcome).toMatchObject({
      state: "failed",
      error: { name: "InvalidPayloadError", rule: "payload-schema" },
    });
    expect(outcome).toHaveProperty(
      "error.message",
      expect.stringMatching(/^the payload is invalid: \$\.to: .+; \$\.count: .+/),
    );
    expect(ran).toBe(false);
  });

  test("that breaks the schema is retried when classify says so", async () => {
    const task = { payload, classify: () => "retryable", handler: () => {} };
    const { outcome } = startAttempt(task, { job: { payload: {} } });
    expect(await outcome).toMatchObject({ state: "retrying", error: { rule: "task-classify" } });
  });

  test("may be checked by a schema that takes its time", async () => {
    const slow = payload.refine(async () => true);
    const good = startAttempt({ payload: slow, handler: () => "ran" });
    expect(await good.outcome).toMatchObject({ outputJson: '"ran"' });
    const bad = payload.refine(async () => false, "taken");
    expect(await startAttempt({ payload: bad, handler: () => {} }).outcome).toMatchObject({
      state: "failed",
      error: { rule: "payload-schema", message: "the payload is invalid: $: taken" },
    });
  });
});

describe("the output", () => {
  const output = z.object({ id: z.int() });

  test("is kept as the schema parsed it", async () => {
    const handler = async () => ({ id: 1, internal: true });
    expect(await startAttempt({ output, handler }).outcome).toMatchObject({
      outputJson: '{"id":1}',
    });
  });

  test("that breaks the schema fails for good and names the path", async () => {
    for (const handler of [() => ({ id: "1" }), async () => ({ id: "1" })]) {
      expect(await startAttempt({ output, handler }).outcome).toMatchObject({
        state: "failed",
        error: {
          name: "InvalidOutputError",
          rule: "output",
          message: expect.stringMatching(/the output is invalid: \$\.id: /),
        },
      });
    }
  });

  test("is left alone where the handler asks for a snooze", async () => {
    const handler = (_: unknown, ctx: TaskContext) => ctx.snooze("1s");
    expect(await startAttempt({ output, handler }).outcome).toMatchObject({ state: "snoozed" });
  });

  test("of a result that is an Err is its error", async () => {
    const handler = () => err(new Error("inner"));
    expect(await startAttempt({ output, handler }).outcome).toMatchObject({
      state: "retrying",
      error: { message: "inner" },
    });
  });

  test("may be checked by a schema that takes its time", async () => {
    const slow = output.refine(async (value) => value.id > 5, "too small");
    const task = { output: slow, handler: () => ({ id: 1 }) };
    expect(await startAttempt(task).outcome).toMatchObject({
      error: { message: "the output is invalid: $: too small" },
    });
  });
});
