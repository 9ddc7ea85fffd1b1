import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FailureNamer } from "../../../src/runtime/upkeep/failure-namer.ts";
import { pause } from "../../../src/store/transient.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const logger = pino({ level: "silent" });

async function named(): Promise<number> {
  const { rows } = await q.db.query("select count(*)::int as count from taskrun.failures");
  return rows[0].count;
}

test("what has failed is named without anybody asking, also after the database was away", async () => {
  await q.db.query(
    `insert into taskrun.history (job_id, task, state, error, attempts, max_attempts, priority,
       created_at, run_at, finished_at)
     select n, 'a', 'failed', 'no', 1, 1, 0, now(), now(), now() from generate_series(1, 700) n`,
  );
  let isAway = true;
  const db = {
    query: async (text: string, values?: unknown[]) => {
      if (!isAway) return q.db.query(text, values);
      isAway = false;
      throw new Error("connection terminated");
    },
  };
  // why: the database, but that it is away at first
  const away = db as unknown as typeof q.db;
  const namer = new FailureNamer({ db: away, schemas: q.schemas, logger, intervalMs: 5 });
  namer.start();
  while ((await named()) < 700) await pause(10);
  await namer.stop();
  expect(await named()).toBe(700);
});
