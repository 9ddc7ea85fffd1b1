import { expect, test } from "vitest";
import type { TaskContext } from "../../src/core/context.ts";
import type { Middleware } from "../../src/core/middleware.ts";
import { forTasks } from "../../src/middleware/for-tasks.ts";

const inside: Middleware = async () => "inside";

/** Whether the middleware was around a task of that name. */
async function isAround(tasks: string | readonly string[], task: string): Promise<boolean> {
  const ctx = { task } as TaskContext; // why: no more of it is looked at
  return (await forTasks(tasks, inside)(ctx, async () => "past")) === "inside";
}

test.each([
  ["send_email", "send_email", true],
  ["send_email", "send_email_2", false],
  ["billing/*", "billing/charge", true],
  ["billing/*", "billing/eu/charge", false],
  ["billing/**", "billing/eu/charge", true],
  ["*.mail", "send.mail", true],
  ["*.mail", "sendXmail", false],
  [["a", "b/*"], "b/c", true],
  [["a", "b/*"], "c", false],
])("%s is around %s: %s", async (tasks, task, expected) => {
  expect(await isAround(tasks, task)).toBe(expected);
});

test("no name at all is refused where it is written", () => {
  expect(() => forTasks([], inside)).toThrow("no name of a task");
  expect(() => forTasks("", inside)).toThrow("no name of a task");
});
