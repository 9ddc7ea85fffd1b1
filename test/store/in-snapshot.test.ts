import { afterEach, beforeEach, expect, test } from "vitest";
import { inSnapshot } from "../../src/store/in-snapshot.ts";
import type { TestRuntime } from "../../src/testing/create-test-runtime.ts";
import { addBySql, testRuntime } from "../support/test-runtime.ts";

let kit: TestRuntime;
beforeEach(async () => {
  kit = await testRuntime({});
});
afterEach(() => kit.stop());

const count = "select count(*)::int as count from graphile_worker._private_jobs";

test("statements see what was there at the first one, and nothing that came meanwhile", async () => {
  await addBySql(kit, "a");
  const counts = await inSnapshot(kit.db, async (client) => {
    const before = await client.query(count);
    await addBySql(kit, "a");
    const after = await client.query(count);
    return [before.rows[0].count, after.rows[0].count];
  });
  expect(counts).toEqual([1, 1]);
  expect((await kit.db.query(count)).rows[0].count).toBe(2);
});

test("a statement that fails leaves no connection behind in its transaction", async () => {
  await expect(inSnapshot(kit.db, (client) => client.query("select 1 / 0"))).rejects.toThrow(
    "division by zero",
  );
  await addBySql(kit, "a");
  expect(await inSnapshot(kit.db, async (client) => (await client.query(count)).rows)).toEqual([
    { count: 1 },
  ]);
});
