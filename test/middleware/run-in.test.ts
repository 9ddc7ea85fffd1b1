import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { runIn } from "../../src/middleware/run-in.ts";
import { startAttempt } from "../support/start-attempt.ts";

test("code that a handler calls finds the attempt's own value", async () => {
  const storage = new AsyncLocalStorage<string>();
  const { outcome } = startAttempt({
    middleware: [runIn(storage, async (ctx) => `tenant of ${ctx.jobId}`)],
    handler: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return storage.getStore();
    },
  });
  expect(await outcome).toEqual({ state: "completed", outputJson: '"tenant of 17"' });
  expect(storage.getStore()).toBeUndefined();
});
