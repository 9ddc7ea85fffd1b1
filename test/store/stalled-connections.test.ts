import { afterEach, beforeEach, expect, test } from "vitest";
import { createHandlerPool, createQueuePool, endPool } from "../../src/store/pools.ts";
import { isTransient } from "../../src/store/transient.ts";
import { type QueueKit, queueKit } from "../support/queue-kit.ts";
import { SeveredProxy } from "../support/severed-proxy.ts";

let q: QueueKit;
beforeEach(async () => {
  q = await queueKit();
});
afterEach(() => q.stop());

test("a statement on a connection that was cut off silently fails within seconds, as transient", async () => {
  const { proxy, url } = await SeveredProxy.to(q.kit.connectionString);
  const pool = createQueuePool({ connectionString: url, max: 2, onError: () => undefined });
  await pool.query("select 1");
  proxy.silence();
  const askedAtMs = performance.now();
  const error = await pool.query("select 2").catch((caught: unknown) => caught);
  expect(isTransient(error)).toBe(true);
  expect(performance.now() - askedAtMs).toBeLessThan(30_000);
  // Another one takes its place.
  expect((await pool.query("select 3 as three")).rows).toEqual([{ three: 3 }]);
  await endPool(pool);
  await proxy[Symbol.asyncDispose]();
});

test("a statement that only takes its time is left alone, and so is a client that is kept", async () => {
  const pool = createHandlerPool({
    connectionString: q.kit.connectionString,
    max: 2,
    onError: () => undefined,
  });
  const kept = await pool.connect();
  await kept.query("begin");
  const slow = pool.query("select 1 as one from pg_sleep(12)");
  expect((await slow).rows).toEqual([{ one: 1 }]);
  expect((await kept.query("select 2 as two")).rows).toEqual([{ two: 2 }]);
  kept.release();
  await endPool(pool);
});
