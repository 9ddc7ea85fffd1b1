import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Pruner } from "../../../src/runtime/upkeep/pruner.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";
import { signal } from "../../support/test-runtime.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const logger = pino({ level: "silent" });

async function finishedLongAgo(id: number): Promise<void> {
  await q.db.query(
    `insert into taskrun.history (job_id, task, state, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     select $1, 't', 'completed', 1, 3, 0, t, t, t from (select now() - interval '2 days' as t) s`,
    [id],
  );
}

test("old jobs go again and again while the process lives, and no more after its stop", async () => {
  await finishedLongAgo(1);
  const looks = [signal<number>(), signal<number>()];
  let count = 0;
  const onPruned = (removed: number) => looks[count++]?.resolve(removed);
  const pruner = new Pruner({ ...q, logger, intervalMs: 20, onPruned });
  pruner.start();
  expect(await looks[0]?.promise).toBe(1);
  expect(await looks[1]?.promise).toBe(0);
  await pruner.stop();
  const counted = count;
  await new Pruner({ ...q, logger }).stop();
  await q.db.query("select pg_sleep(0.1)");
  expect(count).toBe(counted);
});

test("a database that doesn't answer is asked again later", async () => {
  const looks = [signal<number>(), signal<number>()];
  let count = 0;
  const onPruned = (removed: number) => looks[count++]?.resolve(removed);
  await q.db.query("alter function taskrun.prune rename to away");
  const pruner = new Pruner({ ...q, logger, intervalMs: 20, onPruned });
  pruner.start();
  expect(await looks[0]?.promise).toBe(0);
  await q.db.query("alter function taskrun.away rename to prune");
  await finishedLongAgo(2);
  for (let more = true; more; ) {
    const { rows } = await q.db.query("select count(*)::int as count from taskrun.history");
    more = rows[0].count > 0;
  }
  await pruner.stop();
});
