import { Pool } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noConnectionLeft } from "../../../src/runtime/attempt/no-connection-left.ts";
import { withPgClientOf } from "../../../src/runtime/attempt/with-pg-client.ts";
import { createTestDatabase } from "../../support/test-database.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 1, connectionTimeoutMillis: 500 });
  // To connect may take longer than that on a slow machine: it is done before.
  while (pool.idleCount === 0) await pool.query("select 1").catch(() => {});
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test("a handler that asks for a second connection of a full pool is named", async () => {
  const withPgClient = withPgClientOf(pool, "nest");
  const nested = withPgClient(() => withPgClient(async () => null));
  await expect(nested).rejects.toMatchObject({
    code: "no-connection-left",
    message: expect.stringMatching(
      /The task nest waited 0.5 s .* all 1 of theirs .handlerPoolSize/,
    ),
  });
  // It had only to give the first one back.
  expect(await withPgClient(async (client) => (await client.query("select 1")).rowCount)).toBe(1);
});

test("any other error is left as it is", () => {
  const error = new Error("connect ECONNREFUSED");
  expect(noConnectionLeft(error, "nest", pool)).toBe(error);
  expect(noConnectionLeft("text", "nest", pool)).toBe("text");
});
