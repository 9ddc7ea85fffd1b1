import { expect, test } from "vitest";
import type { Middleware } from "../../src/core/middleware.ts";
import { combine } from "../../src/middleware/combine.ts";
import { startAttempt } from "../support/start-attempt.ts";

function noting(name: string, notes: string[]): Middleware {
  return async (_ctx, next) => {
    notes.push(`${name} begins`);
    const result = await next();
    notes.push(`${name} ends`);
    return result;
  };
}

test("several become one, the first one outermost", async () => {
  const notes: string[] = [];
  const { outcome } = startAttempt({
    middleware: [combine(noting("a", notes), combine(), noting("b", notes))],
    handler: async () => notes.push("handler"),
  });
  expect(await outcome).toMatchObject({ state: "completed" });
  expect(notes).toEqual(["a begins", "b begins", "handler", "b ends", "a ends"]);
});

test("one that calls next() twice is named", async () => {
  const twice: Middleware = async function twice(_ctx, next) {
    await next();
    return next();
  };
  const { outcome } = startAttempt({
    middleware: [combine(twice, (_ctx, next) => next())],
    handler: async () => 1,
  });
  expect(await outcome).toMatchObject({
    error: { message: expect.stringContaining("The middleware twice called next() twice") },
  });
});
