import { describe, expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import type { Logger } from "../../src/core/logger.ts";
import { CancelledError, PermanentError, ShutdownError } from "../../src/core/task-errors.ts";
import { startAttempt, stopped } from "../support/start-attempt.ts";

const levels = { debug: 20, info: 30, error: 50 };
const base = { jobId: "17", task: "example", attempt: 1 };

async function endingOf(definition: unknown, options?: Parameters<typeof startAttempt>[1]) {
  const { outcome, lines } = startAttempt(definition, options);
  await outcome;
  return lines.at(-1);
}

describe("an attempt's end is one line, with how long it took", () => {
  test("completed, at info", async () => {
    expect(await endingOf(async () => "output")).toEqual({
      level: levels.info,
      time: expect.any(Number),
      ...base,
      durationMs: expect.any(Number),
      msg: "attempt completed",
    });
  });

  test("retrying, at info, with the error and the delay", async () => {
    const thrown = new TypeError("x");
    const line = await endingOf(() => Promise.reject(thrown));
    expect(line).toMatchObject({
      level: levels.info,
      ...base,
      maxAttempts: 3,
      delayMs: 1_000,
      rule: "default",
      err: { type: "TypeError", message: "x", stack: expect.stringContaining("TypeError: x") },
      msg: "attempt failed, will be retried",
    });
  });

  test("failed, at error", async () => {
    const line = await endingOf(() => Promise.reject(new PermanentError("x")));
    expect(line).toMatchObject({ level: levels.error, ...base, msg: "job failed for good" });
    expect(line).toHaveProperty("err.type", "PermanentError");
  });

  test("waiting, at info, with the jobs it waits for", async () => {
    const line = await endingOf((_: unknown, ctx: TaskContext) => ctx.waitFor(["7", "8"]));
    const fields = { waitsFor: ["7", "8"], msg: "attempt waits for other jobs" };
    expect(line).toMatchObject({ level: levels.info, ...base, ...fields });
  });

  test("snoozed, at info", async () => {
    const line = await endingOf((_: unknown, ctx: TaskContext) => ctx.snooze("5s", "later"));
    const fields = { delayMs: 5_000, reason: "later", msg: "attempt snoozed" };
    expect(line).toMatchObject({ level: levels.info, ...base, ...fields });
  });

  test("cancelled, at info", async () => {
    const line = await endingOf(() => Promise.reject(new CancelledError("why")));
    expect(line).toMatchObject({
      level: levels.info,
      ...base,
      reason: "why",
      msg: "job cancelled",
    });
  });

  test("given back, at info", async () => {
    const { attempt, outcome, lines } = startAttempt(async (_: unknown, ctx: TaskContext) => {
      await stopped(ctx.signal);
      throw ctx.signal.reason;
    });
    attempt.abort(new ShutdownError());
    await outcome;
    expect(lines.at(-1)).toMatchObject({ level: levels.info, msg: "attempt given back" });
  });
});

test("an attempt's start is a line at debug", async () => {
  const { outcome, lines } = startAttempt(() => {});
  await outcome;
  expect(lines[0]).toMatchObject({ level: levels.debug, ...base, msg: "attempt started" });
});

test("every line carries the correlation id where there is one", async () => {
  const handler = (_: unknown, ctx: TaskContext) => ctx.log.warn("the handler's own");
  const { outcome, lines } = startAttempt(handler, { job: { correlationId: "c-1" } });
  await outcome;
  expect(lines.map((line) => [line.msg, line.correlationId])).toEqual([
    ["attempt started", "c-1"],
    ["the handler's own", "c-1"],
    ["attempt completed", "c-1"],
  ]);
});

test("payloads are logged only if asked for", async () => {
  const handler = () => Promise.reject(new PermanentError("x"));
  const silent = startAttempt(handler);
  const telling = startAttempt(handler, { settings: { logPayloads: true } });
  await Promise.all([silent.outcome, telling.outcome]);
  expect(JSON.stringify(silent.lines)).not.toContain("a@b.co");
  expect(telling.lines.map((line) => line.payload)).toEqual([{ to: "a@b.co" }, { to: "a@b.co" }]);
});

test("a logger that throws costs no attempt", async () => {
  const refuse = () => {
    throw new Error("disk full");
  };
  const logger = { isLevelEnabled: () => true, debug: refuse, info: refuse } as unknown as Logger;
  const { outcome } = startAttempt(() => "done", { services: { logger } });
  expect(await outcome).toEqual({ state: "completed", outputJson: '"done"' });
});

test("what was thrown is logged from its storable text, however hostile it is", async () => {
  const hostile = new Proxy(new Error("x"), {
    get() {
      throw new Error("don't look");
    },
  });
  const line = await endingOf(() => Promise.reject(hostile));
  expect(line).toMatchObject({ msg: "attempt failed, will be retried", rule: "default" });
});
