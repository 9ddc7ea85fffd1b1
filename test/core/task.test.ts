import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { TaskContext } from "../../src/core/context.ts";
import { defineTask, taskBrand } from "../../src/core/task.ts";

test("defineTask returns the definition, branded and frozen", () => {
  const handler = async () => {};
  const task = defineTask({ handler, timeout: "5s" });
  expect(task).toMatchObject({ handler, timeout: "5s", [taskBrand]: true });
  expect(Object.isFrozen(task)).toBe(true);
});

test("the handler's payload has the type that the schema parses to", () => {
  defineTask({
    payload: z.object({ to: z.string(), count: z.int().default(1) }),
    handler(payload, ctx) {
      expectTypeOf(payload).toEqualTypeOf<{ to: string; count: number }>();
      expectTypeOf(ctx).toEqualTypeOf<TaskContext>();
    },
  });
});
