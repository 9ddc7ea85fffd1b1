import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BlockedSweep } from "../../../src/runtime/upkeep/blocked-sweep.ts";
import { pause } from "../../../src/store/transient.ts";
import { type QueueKit, queueKit } from "../../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const logger = pino({ level: "silent" });

test("a child whose parent somebody deleted is released without anybody asking", async () => {
  const parent = await q.add();
  const child = await q.add({ after: [parent] });
  const sweep = new BlockedSweep({ ...q, logger, intervalMs: 20 });
  sweep.start();
  await q.db.query("delete from graphile_worker._private_jobs where id = $1", [parent]);
  while ((await q.kit.job(child))?.state !== "pending") await pause(10);
  await sweep.stop();
});

test("a database that is away is asked again", async () => {
  let asked = 0;
  const again = Promise.withResolvers<void>();
  const db = {
    query: async () => {
      asked += 1;
      if (asked === 3) again.resolve();
      throw new Error("connection terminated");
    },
  };
  // why: a stand-in for a database that is away
  const away = db as unknown as typeof q.db;
  const sweep = new BlockedSweep({ db: away, schemas: q.schemas, logger, intervalMs: 5 });
  sweep.start();
  await again.promise;
  expect(asked).toBeGreaterThanOrEqual(3);
  await sweep.stop();
});
