import type pg from "pg";
import { afterEach, expect, test, vi } from "vitest";
import { withStore } from "../../src/cli/with-store.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createTestDatabase } from "../support/test-database.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

async function configFor(connection: string) {
  const { config } = await loadConfig({ flags: { connection }, environment: {} });
  return config;
}

test("the store is migrated when asked to, and only then", async () => {
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const database = await createTestDatabase();
  const config = await configFor(database.url);
  const isThere = (migrate: boolean) =>
    withStore(config, { migrate }, async ({ pool, schemas }) => {
      const { rows } = await pool.query("select to_regnamespace($1) is not null as found", [
        schemas.ownName,
      ]);
      return rows[0].found;
    });
  expect(await isThere(false)).toBe(false);
  expect(await isThere(true)).toBe(true);
  await database.drop();
});

test("the connections are closed even when the use fails", async () => {
  const database = await createTestDatabase();
  const config = await configFor(database.url);
  const pools: pg.Pool[] = [];
  const failing = withStore(config, { migrate: false }, async ({ pool }) => {
    pools.push(pool);
    await pool.query("select 1");
    throw new Error("no luck");
  });
  await expect(failing).rejects.toThrow("no luck");
  expect(pools.map(({ ended }) => ended)).toEqual([true]);
  await database.drop();
});
