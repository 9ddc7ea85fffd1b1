import { Pool } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withPgClientOf } from "../../../src/runtime/attempt/with-pg-client.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 1 });
  // A killed connection also errors on the pool.
  pool.on("error", () => {});
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const selfKill = "select pg_terminate_backend(pg_backend_pid())";

test("the client goes back to the pool, also when its use failed", async () => {
  const withPgClient = withPgClientOf(pool, "t");
  const failing = withPgClient(() => Promise.reject(new Error("mine")));
  await expect(failing).rejects.toThrow("mine");
  expect(await withPgClient(async (client) => (await client.query("select 1")).rowCount)).toBe(1);
});

test("a client whose connection broke does not go back", async () => {
  const withPgClient = withPgClientOf(pool, "t");
  await expect(withPgClient((client) => client.query(selfKill))).rejects.toThrow();
  expect(await withPgClient(async (client) => (await client.query("select 1")).rowCount)).toBe(1);
});

test("withRetries tries again when the connection broke", async () => {
  let uses = 0;
  const answer = await withPgClientOf(pool, "t").withRetries(async (client) => {
    uses += 1;
    return (await client.query(uses === 1 ? selfKill : "select 1")).rowCount;
  });
  expect([uses, answer]).toEqual([2, 1]);
});

test("withRetries does not repeat what fails for another reason", async () => {
  let uses = 0;
  const failing = withPgClientOf(pool, "t").withRetries((client) => {
    uses += 1;
    return client.query("select 1 / 0");
  });
  await expect(failing).rejects.toMatchObject({ code: "22012" });
  expect(uses).toBe(1);
});

test("withRetries gives up after three tries", async () => {
  let uses = 0;
  const failing = withPgClientOf(pool, "t").withRetries((client) => {
    uses += 1;
    return client.query(selfKill);
  });
  await expect(failing).rejects.toMatchObject({ code: "57P01" });
  expect(uses).toBe(3);
});
