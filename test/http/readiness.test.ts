import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Readiness } from "../../src/http/readiness.ts";
import type { ScratchDatabase } from "../../src/store/scratch-database.ts";
import { createTestDatabase } from "../support/test-database.ts";

let database: ScratchDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function lookWith(connectionString: string, prepare?: (pool: pg.Pool) => Promise<unknown>) {
  const pool = new pg.Pool({ connectionString, max: 1, connectionTimeoutMillis: 60_000 });
  const readiness = new Readiness(pool);
  readiness.start();
  try {
    const undo = await prepare?.(pool);
    const report = await readiness.look();
    if (typeof undo === "function") await undo();
    return report;
  } finally {
    readiness.stop();
    await pool.end();
  }
}

test("a database that answers makes it ready", async () => {
  // At a moment at which the machine is not too busy for it.
  await expect
    .poll(() => lookWith(database.url))
    .toMatchObject({
      ready: true,
      checks: { database: { ok: true, answered_ms: expect.any(Number) }, pool: { waiting: 0 } },
    });
});

test("a database that is not there makes it unready", async () => {
  expect(await lookWith("postgres://nobody@127.0.0.1:1/none")).toMatchObject({
    ready: false,
    checks: { database: { ok: false, answered_ms: null } },
  });
});

test("a pool whose connections are all taken makes it unready", async () => {
  const report = await lookWith(database.url, async (pool) => {
    const client = await pool.connect();
    const waiting = [1, 2, 3].map(() => pool.query("select 1"));
    return async () => {
      client.release();
      await Promise.all(waiting);
    };
  });
  expect(report).toMatchObject({
    ready: false,
    checks: { database: { ok: false }, pool: { ok: false, waiting: 3, max: 1 } },
  });
});
