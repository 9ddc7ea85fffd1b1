import { expect, test } from "vitest";
import { z } from "zod";
import { resolveTask } from "../../src/core/resolve-task.ts";
import { defaultStack } from "../../src/middleware/default-stack.ts";
import { startAttempt } from "../support/start-attempt.ts";

function stackOf(definition: object): string[] {
  const origin = { name: "x", file: "/x.ts", version: 1, layers: [] };
  const task = resolveTask({ handler() {}, ...definition }, origin);
  return defaultStack(task, function end() {}).map(({ name }) => name);
}

test("the layers are in the documented order, the user's own inside", () => {
  const middleware = [() => {}, () => {}];
  expect(stackOf({ payload: z.object({}), middleware })).toEqual([
    "log",
    "end",
    "classifyResult",
    "limit",
    "validate",
    "track",
    "runMiddleware",
    "runMiddleware",
    "settle",
  ]);
});

test("a task without schemas has no layer that checks them", () => {
  expect(stackOf({})).not.toContain("validate");
  expect(stackOf({ output: z.string() })).toContain("validate");
});

test("middleware sees the parsed payload and is inside the timeout", async () => {
  const seen: unknown[] = [];
  const task = {
    payload: z.object({ to: z.string().transform((text) => text.toUpperCase()) }),
    timeout: 20,
    middleware: [
      (ctx: { payload: unknown }) => {
        seen.push(ctx.payload);
        return new Promise(() => {});
      },
    ],
    handler() {},
  };
  expect(await startAttempt(task).outcome).toMatchObject({ error: { name: "TaskTimeoutError" } });
  expect(seen).toEqual([{ to: "A@B.CO" }]);
});
