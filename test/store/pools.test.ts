import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createHandlerPool, createQueuePool, endPool } from "../../src/store/pools.ts";
import { type QueueKit, queueKit } from "../support/queue-kit.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

const options = (onError: (error: Error) => void = () => undefined) => ({
  connectionString: q.kit.connectionString,
  max: 2,
  onError,
});

test("each pool's connections say what they are for, and the queue's read no table as a whole", async () => {
  const queue = createQueuePool(options());
  const handlers = createHandlerPool(options());
  const settings = `select current_setting('application_name') as name,
    current_setting('enable_seqscan') as seqscan, current_setting('statement_timeout') as timeout`;
  expect((await queue.query(settings)).rows).toEqual([
    { name: "taskrun queue", seqscan: "off", timeout: "1min" },
  ]);
  expect((await handlers.query(settings)).rows).toEqual([
    { name: "taskrun handlers", seqscan: "on", timeout: "0" },
  ]);
  await Promise.all([endPool(queue), endPool(handlers)]);
});

test("a connection that the server ends is reported and replaced", async () => {
  const lost = Promise.withResolvers<Error>();
  const pool = createQueuePool(options(lost.resolve));
  const { rows } = await pool.query("select pg_backend_pid() as pid");
  await q.db.query("select pg_terminate_backend($1)", [rows[0].pid]);
  expect(await lost.promise).toMatchObject({ code: "57P01" });
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await endPool(pool);
});

test("a client that somebody keeps holds up the end for a second at most", async () => {
  const pool = createHandlerPool(options());
  const kept = await pool.connect();
  const before = performance.now();
  await endPool(pool);
  expect(performance.now() - before).toBeLessThan(5000);
  kept.release(true);
  if (pool.totalCount > 0) await once(pool, "remove");
  await endPool(pool);
});
