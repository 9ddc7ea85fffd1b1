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

test("while nothing ends and nothing was left to remove it looks every fifth time", async () => {
  let looks = 0;
  let asked = 0;
  const isQuiet = () => {
    asked += 1;
    return true;
  };
  const pruner = new Pruner({ ...q, logger, intervalMs: 5, isQuiet, onPruned: () => looks++ });
  pruner.start();
  while (looks < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await pruner.stop();
  // Four skipped between two looks; the fifth isn't asked about.
  expect(asked).toBeGreaterThanOrEqual(8);
});

test("what limits have left is not asked for where they have left nothing", async () => {
  const texts: string[] = [];
  const db = {
    query: (text: string, values?: unknown[]) => {
      texts.push(text);
      return q.db.query(text, values);
    },
  } as unknown as typeof q.db; // why: the database, but that it tells
  const looked = signal();
  const pruner = new Pruner({
    ...q,
    db,
    logger,
    intervalMs: 5,
    mayHaveLimits: () => false,
    onPruned: () => looked.resolve(),
  });
  pruner.start();
  await looked.promise;
  await pruner.stop();
  expect(texts.filter((text) => text.includes("sweep_limits"))).toEqual([]);
  expect(texts.filter((text) => text.includes("prune"))).not.toEqual([]);
});
