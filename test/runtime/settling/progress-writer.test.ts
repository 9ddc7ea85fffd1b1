import { expect, test } from "vitest";
import type { TaskContext } from "../../../src/core/context.ts";
import { testRuntime } from "../../support/test-runtime.ts";

test("progress that is on its way when its job ends leaves no row of a job that is gone", async () => {
  const kit = await testRuntime({
    quick: async (_payload: unknown, ctx: TaskContext) => void ctx.progress(1, 1),
  });
  try {
    for (let n = 0; n < 300; n += 1) await kit.enqueue("quick");
    expect(await kit.drain()).toMatchObject({ completed: 300 });
    const { rows } = await kit.db.query("select count(*)::int as n from taskrun.job_details");
    expect(rows).toEqual([{ n: 0 }]);
    const { rows: kept } = await kit.db.query(
      "select count(*)::int as n from taskrun.history where progress ->> 'done' = '1'",
    );
    expect(kept).toEqual([{ n: 300 }]);
  } finally {
    await kit.stop();
  }
});

test("progress that can't be written costs no attempt", async () => {
  const kit = await testRuntime({
    quick: async (_payload: unknown, ctx: TaskContext) => void ctx.progress(1, 1),
  });
  try {
    const { id } = await kit.enqueue("quick");
    await kit.db.query(
      `create function refuse() returns trigger language plpgsql as $$
       begin raise 'no progress here'; end $$`,
    );
    await kit.db.query(
      "create trigger refuse before insert on taskrun.job_details for each row execute function refuse()",
    );
    expect(await kit.drain()).toMatchObject({ completed: 1 });
    expect(await kit.job(id)).toMatchObject({ state: "completed", attempts: 1 });
  } finally {
    await kit.stop();
  }
});
