import { expect, test } from "vitest";
import { z } from "zod";
import { findExample } from "../../src/cli/find-example.ts";
import { resolveTask } from "../../src/core/resolve-task.ts";

const catalog = (payloads: Record<string, z.ZodType | undefined>) => ({
  tasks: new Map(
    Object.entries(payloads).map(([name, payload]) => {
      const definition = { handler: async () => 1, ...(payload && { payload }) };
      const file = `${name}.ts`;
      return [name, resolveTask(definition, { name, file, version: 1, layers: [] })] as const;
    }),
  ),
});

test("it is the first task that a short payload is known for", async () => {
  const tasks = {
    coded: z.object({ code: z.string().regex(/^[A-Z]{3}$/) }),
    long: z.object({ text: z.string().min(100) }),
    mail: z.object({ to: z.email(), subject: z.string() }),
    plain: undefined,
  };
  expect(await findExample(catalog(tasks))).toEqual({
    task: "mail",
    payloadJson: '{"to":"a@b.co","subject":"subject"}',
  });
  expect(await findExample(catalog({ plain: undefined }))).toEqual({
    task: "plain",
    payloadJson: "{}",
  });
});

test("where none is known there is none", async () => {
  expect(await findExample(catalog({}))).toBeNull();
  expect(await findExample(catalog({ coded: z.object({ a: z.string().min(99) }) }))).toBeNull();
});
