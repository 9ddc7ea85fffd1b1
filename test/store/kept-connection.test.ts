import { once } from "node:events";
import type pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KeptConnection } from "../../src/store/kept-connection.ts";
import { createQueuePool, endPool } from "../../src/store/pools.ts";
import { type QueueKit, queueKit } from "../support/queue-kit.ts";

let q: QueueKit;
let pool: pg.Pool;
let kept: KeptConnection;

beforeEach(async () => {
  q = await queueKit();
  pool = createQueuePool({ connectionString: q.kit.connectionString, max: 2, onError: () => {} });
  kept = new KeptConnection(pool);
});
afterEach(async () => {
  kept.release();
  await endPool(pool);
  await q.stop();
});

const ask = async (text: string) => {
  const { rows } = await kept.query({ name: text, text, values: [], rowMode: "array" });
  return rows[0]?.[0];
};
const session = () => ask("select pg_backend_pid()::text");
const end = (pid: string | null | undefined) =>
  q.db.query("select pg_terminate_backend($1)", [pid]);

test("statements one after the other go on one connection, which stays taken", async () => {
  const first = await session();
  expect(await session()).toBe(first);
  expect([pool.totalCount, pool.idleCount]).toEqual([1, 0]);
});

test("a statement that comes while another is under way goes on one of the pool's", async () => {
  const own = await session();
  const [slow, beside] = await Promise.all([
    ask("select pg_backend_pid()::text from pg_sleep(0.1)"),
    session(),
  ]);
  expect(slow).toBe(own);
  expect(beside).not.toBe(own);
});

test("after a statement that failed there is a new connection", async () => {
  const first = await session();
  await expect(ask("select 1/0")).rejects.toThrow("division by zero");
  expect(await session()).not.toBe(first);
  expect(pool.totalCount).toBe(1);
});

test("a connection that was lost while nobody asked anything costs no statement", async () => {
  const first = await session();
  const removed = once(pool, "remove");
  await end(first);
  await removed;
  expect(await session()).not.toBe(first);
});

test("one that is lost at a statement fails that statement only", async () => {
  const first = await session();
  const lost = expect(ask("select pg_sleep(60)")).rejects.toThrow();
  await end(first);
  await lost;
  expect(await session()).not.toBe(first);
});

test("released, it goes back when its statement has been answered, and the pool can end", async () => {
  const slow = ask("select 'answered' from pg_sleep(0.1)");
  kept.release();
  expect(await slow).toBe("answered");
  expect(await ask("select 'from the pool'")).toBe("from the pool");
  expect(pool.idleCount).toBe(pool.totalCount);
});
