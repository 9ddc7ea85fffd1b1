import { expect, test } from "vitest";
import { runTask } from "../../src/testing/run-task.ts";

test("a task under test that asks for the database is told how to give it one", async () => {
  const query = (_: unknown, ctx: { query(text: string): Promise<unknown> }) =>
    ctx.query("select 1");
  const lend = (_: unknown, ctx: { withPgClient(use: () => Promise<void>): Promise<void> }) =>
    ctx.withPgClient(async () => {});
  for (const handler of [query, lend]) {
    const { error } = await runTask(handler);
    expect(error?.message).toBe(
      "The task under test asked for the database. " +
        "Pass a pool: runTask(task, payload, { pool }).",
    );
  }
});
