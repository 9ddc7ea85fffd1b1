/** What a task's `retain` means from the first attempt to the last trace. */

import { afterEach, expect, test } from "vitest";
import { createClient } from "../../src/client/create-client.ts";
import { pruneDue } from "../../src/store/prune-jobs.ts";
import { schemasFor } from "../../src/store/schemas.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { countLocks, testRuntime } from "../support/test-runtime.ts";

const toEnd: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

async function kitWith(tasks: Record<string, unknown>): Promise<TestRuntime> {
  const kit = await testRuntime(tasks);
  toEnd.push(() => kit.stop());
  return kit;
}

async function rowsOf({ db }: TestRuntime): Promise<Record<string, number>> {
  const { rows } = await db.query(
    `select (select count(*)::int from graphile_worker._private_jobs) as queued,
       (select count(*)::int from taskrun.history) as history,
       (select count(*)::int from taskrun.attempts) as attempts,
       (select count(*)::int from taskrun.steps) as steps,
       (select count(*)::int from taskrun.job_details) as details,
       (select count(*)::int from taskrun.logs) as logs`,
  );
  return rows[0];
}

const none = { queued: 0, history: 0, attempts: 0, steps: 0, details: 0, logs: 0 };

const endings = {
  completed: async () => 7,
  cancelled: async (_: unknown, ctx: { cancel(reason: string): unknown }) => ctx.cancel("enough"),
  failed: async () => {
    throw new Error("bad luck");
  },
};

test.each(Object.entries(endings))("with 0, a %s job leaves nothing", async (state, handler) => {
  const kit = await kitWith({ gone: { retain: 0, handler }, kept: { handler } });
  const options = { maxAttempts: 1, metadata: { a: 1 }, queue: "line" };
  await kit.enqueue("gone", {}, options);
  expect(await kit.drain()).toMatchObject({ [state]: 1 });
  expect(await rowsOf(kit)).toEqual(none);
  expect(await countLocks(kit)).toBe(0);
  await kit.enqueue("kept", {}, options);
  await kit.drain();
  expect(await rowsOf(kit)).toMatchObject({ history: 1 });
});

test("a job that completes at its second attempt leaves nothing of the first", async () => {
  let attempts = 0;
  const handler = async (_: unknown, ctx: { log: { info(line: string): void } }) => {
    ctx.log.info("trying");
    attempts += 1;
    if (attempts === 1) throw new Error("not yet");
  };
  const retry = { strategy: "fixed", baseDelay: 1, jitter: 0 };
  const kit = await kitWith({ gone: { retain: { completed: 0 }, retry, handler } });
  const { id } = await kit.enqueue("gone");
  while ((await kit.job(id)) !== null) await kit.drain();
  expect(attempts).toBe(2);
  await kit.db.query(
    "update taskrun.forgotten_jobs set forgotten_at = forgotten_at - interval '1 hour'",
  );
  await pruneDue(kit.db, schemasFor("graphile_worker"));
  expect(await rowsOf(kit)).toEqual(none);
  const { rows } = await kit.db.query("select * from taskrun.forgotten_jobs");
  expect(rows).toEqual([]);
});

test("the client that waits for such a job hears how it ended", async () => {
  const kit = await kitWith({
    fine: { retain: 0, handler: async () => 7 },
    bad: {
      retain: 0,
      handler: async () => {
        throw new Error("bad luck");
      },
    },
  });
  const { connectionString } = kit;
  const client = createClient({ connectionString, tasks: false, schema: "graphile_worker" });
  toEnd.push(() => client.close());
  const runtime = kit.createRuntime();
  toEnd.push(() => runtime.stop());
  await runtime.start();
  const fine = await client.enqueue("fine", {});
  expect(await client.wait(fine)).toBe(null);
  const bad = await client.enqueue("bad", {}, { maxAttempts: 1 });
  await expect(client.wait(bad)).rejects.toMatchObject({
    code: "job-failed",
    state: "failed",
    jobError: "bad luck",
  });
});
