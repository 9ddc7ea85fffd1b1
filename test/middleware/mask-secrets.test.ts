import { expect, test } from "vitest";
import { z } from "zod";
import { secret } from "../../src/core/secret.ts";
import { PermanentError } from "../../src/core/task-errors.ts";
import { startAttempt } from "../support/start-attempt.ts";

const payload = z.object({ key: secret(z.string()) });
const job = { payload: { key: "hunter2-in-a-test" } };

test("neither outcome, lines nor progress of an attempt have its secrets", async () => {
  const handler = async (
    { key }: { key: string },
    ctx: { progress(done: number, total: number, message: string): Promise<void> },
  ) => {
    await ctx.progress(1, 2, `with ${key}`);
    throw new PermanentError(`refused: ${key}`);
  };
  const { outcome, lines, writes } = startAttempt({ payload, handler }, { job });
  expect(await outcome).toMatchObject({ state: "failed", error: { message: "refused: [secret]" } });
  expect(writes).toEqual([{ done: 1, total: 2, message: "with [secret]" }]);
  expect(JSON.stringify(lines)).not.toContain("hunter2");
});

test("a handler that answers at once is masked as well", async () => {
  const { outcome } = startAttempt(
    { redact: ["$.key"], handler: ({ key }: { key: string }) => ({ key, echo: `${key}!` }) },
    { job },
  );
  expect(await outcome).toEqual({
    state: "completed",
    outputJson: '{"key":"[secret]","echo":"[secret]!"}',
  });
});

test("the handler itself gets the payload as it is", async () => {
  const seen: unknown[] = [];
  const { outcome } = startAttempt(
    { payload, handler: (given: unknown) => void seen.push(given) },
    { job },
  );
  await outcome;
  expect(seen).toEqual([job.payload]);
});

test("what a schema quotes of a wrong payload is masked", async () => {
  const grumpy = z.string().refine(() => false, { error: ({ input }) => `not ${input}` });
  const { outcome } = startAttempt(
    { payload: z.object({ key: secret(grumpy) }), handler: () => null },
    { job },
  );
  expect(await outcome).toMatchObject({
    error: { message: "the payload is invalid: $.key: not [secret]" },
  });
});
